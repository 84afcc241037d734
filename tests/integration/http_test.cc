// The HTTP gateway, over real sockets: proto JSON, OpenRLHF's and slime's protocols, limits,
// tokens.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "assay/v1/signal_service.pb.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "server/runtime/assay_server.h"

namespace assay::testing {
namespace {

struct Reply {
  int status = 0;
  std::string body;
};

// One keep-alive connection.
class Connection {
 public:
  explicit Connection(int port) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    const timeval timeout{60, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
  }
  ~Connection() { close(fd_); }

  Reply Post(const std::string& path, const std::string& body, const std::string& headers = "") {
    Send(absl::StrCat("POST ", path, " HTTP/1.1\r\nHost: localhost\r\nContent-Length: ",
                      body.size(), "\r\n", headers, "\r\n", body));
    return Receive();
  }
  void Send(const std::string& text) {
    for (size_t sent = 0; sent < text.size();) {
      const ssize_t n = send(fd_, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) return;
      sent += static_cast<size_t>(n);
    }
  }
  Reply Receive() {
    size_t end = 0;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!Fill()) return {};
    }
    const std::string head = buffer_.substr(0, end);
    Reply reply;
    size_t length = 0;
    (void)absl::SimpleAtoi(head.substr(9, 3), &reply.status);
    const size_t at = head.find("Content-Length: ");
    if (at != std::string::npos) {
      (void)absl::SimpleAtoi(head.substr(at + 16, head.find('\r', at) - at - 16), &length);
    }
    while (buffer_.size() < end + 4 + length) {
      if (!Fill()) return {};
    }
    reply.body = buffer_.substr(end + 4, length);
    buffer_.erase(0, end + 4 + length);
    return reply;
  }

 private:
  bool Fill() {
    char chunk[16384];
    const ssize_t n = recv(fd_, chunk, sizeof(chunk), 0);
    if (n > 0) buffer_.append(chunk, static_cast<size_t>(n));
    return n > 0;
  }
  const int fd_;
  std::string buffer_;
};

class Http : public ::testing::Test {
 protected:
  void Start(runtime::Config config = {}) {
    config.listen = "127.0.0.1:0";
    config.metrics = "";
    config.http = "127.0.0.1:0";
    config.workers = 2;
    auto server = runtime::AssayServer::Start(config, {}, &log_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  Reply Post(const std::string& path, const std::string& body, const std::string& headers = "") {
    return Connection(server_->http_port()).Post(path, body, headers);
  }

  telemetry::Log log_;
  std::unique_ptr<runtime::AssayServer> server_;
};

constexpr char kEpisode[] =
    R"({"id": "e", "agents": [{"id": "a"}, {"id": "b"}], "outcome": {"score": 0.75},
        "messages": [{"agentId": "a", "content": "one two"}, {"agentId": "b", "content": ""}]})";

std::string Quoted(const std::string& text) {
  google::protobuf::Value value;
  value.set_string_value(text);
  std::string json;
  EXPECT_TRUE(google::protobuf::util::MessageToJsonString(value, &json).ok());
  return json;
}

google::protobuf::Struct Parse(const std::string& json) {
  google::protobuf::Struct parsed;
  EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(json, &parsed).ok()) << json;
  return parsed;
}

TEST_F(Http, SignalsAsProtoJson) {
  Start();
  const Reply reply = Post("/v1/signals", absl::StrCat("{\"episodes\": [", kEpisode, "]}"));
  ASSERT_EQ(reply.status, 200) << reply.body;
  v1::ComputeSignalsResponse response;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(reply.body, &response).ok());
  ASSERT_EQ(response.results_size(), 1);
  EXPECT_EQ(response.results(0).signals().score(), 0.75);
  EXPECT_EQ(response.results(0).signals().messages_size(), 2);
}

TEST_F(Http, OpenRlhfsProtocol) {
  Start();
  const std::string body =
      absl::StrCat(R"({"query": ["PROMPT answer"], "prompts": ["PROMPT "], "labels": [)",
                   Quoted(kEpisode), "]}");
  const Reply reply = Post("/get_reward", body);
  ASSERT_EQ(reply.status, 200) << reply.body;
  const auto parsed = Parse(reply.body);
  EXPECT_EQ(parsed.fields().at("rewards").list_value().values(0).number_value(), 0.75);
  EXPECT_EQ(parsed.fields().at("scores").list_value().values(0).number_value(), 0.75);
  const auto& logs = parsed.fields().at("extra_logs").struct_value().fields();
  EXPECT_EQ(logs.at("first_error").list_value().values(0).number_value(), -1);
  const auto& rewards = logs.at("message_rewards").list_value().values(0).list_value();
  ASSERT_EQ(rewards.values_size(), 2);
  EXPECT_NEAR(rewards.values(0).number_value() + rewards.values(1).number_value(), 0.75, 1e-9);
  const auto scalar = Parse(Post("/get_reward?logs=scalar", body).body);
  EXPECT_FALSE(
      scalar.fields().at("extra_logs").struct_value().fields().contains("message_rewards"));
}

TEST_F(Http, SlimesProtocol) {
  Start();
  const std::string body =
      absl::StrCat(R"({"prompt": "P", "response": "answer", "label": )", Quoted(kEpisode), "}");
  const Reply reply = Post("/rm", body);
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.body, "0.75");
  const auto full = Parse(Post("/rm?signals=1", body).body);
  EXPECT_EQ(full.fields().at("score").number_value(), 0.75);
  EXPECT_TRUE(full.fields().at("signals").struct_value().fields().contains("messages"));
}

// Never a reward in place of a failure.
TEST_F(Http, FailuresAreStatuses) {
  Start();
  EXPECT_EQ(Post("/v1/signals", "{").status, 400);
  EXPECT_EQ(Post("/v1/signals", R"({"unknown": 1})").status, 400);
  EXPECT_EQ(Post("/v1/signals", "{}").status, 400);
  EXPECT_EQ(Post("/nowhere", "{}").status, 404);
  EXPECT_EQ(Post("/get_reward", R"({"query": ["q"], "prompts": [], "labels": []})").status, 400);
  EXPECT_EQ(
      Post("/get_reward", R"({"query": ["q"], "prompts": ["p"], "labels": ["no json"]})").status,
      400);
  const Reply bad = Post("/rm", R"({"response": "r", "label": "{\"id\": \"e\"}"})");
  EXPECT_EQ(bad.status, 400);
  EXPECT_EQ(Parse(bad.body).fields().at("error").struct_value().fields().at("code").number_value(),
            3);
  Connection get(server_->http_port());
  get.Send("GET /v1/signals HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(get.Receive().status, 405);
}

TEST_F(Http, ABodyThatIsTooLargeIsRefusedByItsLength) {
  Start();
  Connection connection(server_->http_port());
  connection.Send("POST /v1/signals HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n");
  EXPECT_EQ(connection.Receive().status, 413);
}

TEST_F(Http, KeepAliveAndManyAtATime) {
  Start();
  const std::string body = absl::StrCat("{\"episodes\": [", kEpisode, "]}");
  std::vector<std::thread> clients;
  std::atomic<int> good = 0;
  for (int c = 0; c < 64; ++c) {
    clients.emplace_back([&] {
      Connection connection(server_->http_port());
      for (int i = 0; i < 5; ++i) good += connection.Post("/v1/signals", body).status == 200;
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(good, 64 * 5);
}

TEST_F(Http, TokensHoldHereToo) {
  const std::string path = ::testing::TempDir() + "/assay_http_tokens";
  std::ofstream(path) << "secret\n";
  runtime::Config config;
  config.token_file = path;
  Start(config);
  const std::string body = absl::StrCat("{\"episodes\": [", kEpisode, "]}");
  EXPECT_EQ(Post("/v1/signals", body).status, 401);
  EXPECT_EQ(Post("/v1/signals", body, "Authorization: Bearer wrong\r\n").status, 401);
  EXPECT_EQ(Post("/v1/signals", body, "Authorization: Bearer secret\r\n").status, 200);
  std::remove(path.c_str());
}

}  // namespace
}  // namespace assay::testing
