// The HTTP gateway, over real sockets: proto JSON, OpenRLHF's and slime's protocols, limits,
// tokens.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "assay/v1/signal_service.pb.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "server/runtime/assay_server.h"

namespace assay::testing {
namespace {

struct Reply {
  int status = 0;
  std::string head;
  std::string body;
};

bool Connects(int fd, int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
}

// One keep-alive connection.
class Connection {
 public:
  explicit Connection(int port) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    EXPECT_TRUE(Connects(fd_, port));
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
  // Until the connection is closed.
  Reply ReceiveAll() {
    while (Fill()) {
    }
    Reply reply;
    const size_t end = buffer_.find("\r\n\r\n");
    if (end == std::string::npos) return reply;
    reply.head = buffer_.substr(0, end);
    reply.body = buffer_.substr(end + 4);
    (void)absl::SimpleAtoi(reply.head.substr(9, 3), &reply.status);
    return reply;
  }
  // Whether the text comes before the connection ends.
  bool ReceiveUntil(const std::string& text) {
    while (buffer_.find(text) == std::string::npos) {
      if (!Fill()) return false;
    }
    return true;
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
    reply.head = head;
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
  // To begin and to end takes the gateway two seconds: whoever needs nothing special shares one.
  void Start() {
    static telemetry::Log log;
    if (shared_ == nullptr) shared_ = Make({}, &log);
    port_ = shared_->http_port();
  }
  static void TearDownTestSuite() { shared_.reset(); }
  void Start(const runtime::Config& config) {
    server_ = Make(config, &log_);
    port_ = server_->http_port();
  }
  static std::unique_ptr<runtime::AssayServer> Make(runtime::Config config, telemetry::Log* log) {
    config.listen = "127.0.0.1:0";
    config.metrics = "";
    config.http = "127.0.0.1:0";
    config.workers = 2;
    auto server = runtime::AssayServer::Start(config, {}, log);
    EXPECT_TRUE(server.ok()) << server.status();
    return *std::move(server);
  }
  Reply Post(const std::string& path, const std::string& body, const std::string& headers = "") {
    return Connection(port_).Post(path, body, headers);
  }

  telemetry::Log log_;
  std::unique_ptr<runtime::AssayServer> server_;
  int port_ = 0;

 private:
  static inline std::unique_ptr<runtime::AssayServer> shared_;
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

TEST_F(Http, SignalsAsProtobuf) {
  Start();
  const std::string json = absl::StrCat("{\"episodes\": [", kEpisode, "]}");
  v1::ComputeSignalsRequest request;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(json, &request).ok());
  const std::string kind = "Content-Type: application/x-protobuf\r\n";
  const Reply reply = Post("/v1/signals", request.SerializeAsString(), kind);
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_TRUE(absl::StrContains(reply.head, kind.substr(0, kind.size() - 2))) << reply.head;
  v1::ComputeSignalsResponse binary;
  ASSERT_TRUE(binary.ParseFromString(reply.body));
  v1::ComputeSignalsResponse text;
  ASSERT_TRUE(
      google::protobuf::util::JsonStringToMessage(Post("/v1/signals", json).body, &text).ok());
  EXPECT_EQ(binary.results(0).signals().SerializeAsString(),
            text.results(0).signals().SerializeAsString());
  const Reply wrong = Post("/v1/signals", json, kind);
  EXPECT_EQ(wrong.status, 400);
  EXPECT_TRUE(absl::StrContains(wrong.body, "bytes that are no ComputeSignalsRequest"));
}

// Four episodes of a group, a line each.
std::string GroupLines() {
  std::string lines;
  for (int k = 0; k < 4; ++k) {
    absl::StrAppend(&lines, R"({"id": "e)", k, R"(", "group": {"id": "g", "size": 4}, )",
                    R"("agents": [{"id": "a"}], "outcome": {"score": )", k / 4.0,
                    R"(}, "messages": [{"agentId": "a", )", R"("content": "one"}]})", "\n");
  }
  return lines;
}

constexpr char kLines[] = "Content-Type: application/x-ndjson\r\n";

// The lines of a chunked answer, each as a struct.
std::vector<google::protobuf::Struct> LinesOf(const std::string& chunked) {
  std::string text;
  for (size_t at = 0; at < chunked.size();) {
    const size_t end = chunked.find("\r\n", at);
    const size_t length = std::stoul(chunked.substr(at, end - at), nullptr, 16);
    if (length == 0) break;
    text += chunked.substr(end + 2, length);
    at = end + 4 + length;
  }
  std::vector<google::protobuf::Struct> lines;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipWhitespace())) {
    lines.push_back(Parse(std::string(line)));
  }
  return lines;
}

TEST_F(Http, LinesInLinesOut) {
  Start();
  Connection connection(port_);
  const std::string body = absl::StrCat(
      R"({"options": {"advantages": {"scale": "OUTCOME_SCALE_NONE"}}})", "\n", GroupLines(), "\n",
      "no json\n", R"({"id": "last", "agents": [{"id": "a"}], "outcome": {"score": 1}, )",
      R"("messages": [{"agentId": "a", "content": "x"}]})");
  connection.Send(absl::StrCat("POST /v1/signals HTTP/1.1\r\nHost: localhost\r\nContent-Length: ",
                               body.size(), "\r\n", kLines, "\r\n", body));
  const Reply reply = connection.ReceiveAll();
  EXPECT_EQ(reply.status, 200);
  EXPECT_TRUE(absl::StrContains(reply.head, "application/x-ndjson")) << reply.head;
  int results = 0;
  int errors = 0;
  for (const auto& line : LinesOf(reply.body)) {
    const auto& fields = line.fields();
    if (fields.contains("groupId")) {
      EXPECT_EQ(results, 4) << "a group comes after its episodes";
      const auto& members =
          fields.at("signals").struct_value().fields().at("episodes").list_value();
      ASSERT_EQ(members.values_size(), 4);
      const auto& first = members.values(0).struct_value().fields();
      EXPECT_DOUBLE_EQ(first.at("outcomeAdvantage").number_value(), -.375);
    } else if (fields.contains("error")) {
      ++errors;
      const auto& message = fields.at("error").struct_value().fields().at("message");
      EXPECT_TRUE(absl::StartsWith(message.string_value(), "line 7: ")) << message.string_value();
    } else {
      results += fields.at("episodeId").string_value() != "last";
      EXPECT_TRUE(fields.contains("signals"));
    }
  }
  EXPECT_EQ(results, 4);
  EXPECT_EQ(errors, 1);
}

TEST_F(Http, ResultsComeWhileTheBodyIsSent) {
  Start();
  Connection connection(port_);
  connection.Send(
      absl::StrCat("POST /v1/signals HTTP/1.1\r\nHost: localhost\r\n"
                   "Transfer-Encoding: chunked\r\n",
                   kLines, "\r\n"));
  const std::string lines = GroupLines() + std::string(4096, '\n');  // read in pieces of 4 KiB
  connection.Send(absl::StrCat(absl::Hex(lines.size()), "\r\n", lines, "\r\n"));
  EXPECT_TRUE(connection.ReceiveUntil("\"groupId\":\"g\"")) << "before the body's end";
  connection.Send("0\r\n\r\n");
  EXPECT_EQ(connection.ReceiveAll().status, 200);
}

TEST_F(Http, StreamsOfLinesAreRefusedAsAStatus) {
  Start();
  const Reply caller = Post("/v1/signals", "{\"options\": {\"caller\": {}}}\n", kLines);
  EXPECT_EQ(caller.status, 400) << caller.body;
  EXPECT_TRUE(absl::StrContains(caller.body, "options.caller")) << caller.body;
  const Reply wrong = Post("/v1/signals", "{\"options\": {\"nonsense\": {}}}\n", kLines);
  EXPECT_EQ(wrong.status, 400) << wrong.body;
  EXPECT_TRUE(absl::StrContains(wrong.body, "line 1")) << wrong.body;
  runtime::Config config;
  config.session.limits.max_transport_bytes = 4 << 20;
  config.session.limits.max_episode_bytes = 1 << 20;
  Start(config);
  const Reply large = Post("/v1/signals", std::string(5 << 20, ' '), kLines);
  EXPECT_EQ(large.status, 400) << large.body;
}

TEST_F(Http, DescribesItself) {
  Start();
  Connection connection(port_);
  connection.Send("GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const Reply reply = connection.Receive();
  EXPECT_EQ(reply.status, 200);
  const google::protobuf::Struct described = Parse(reply.body);
  EXPECT_TRUE(described.fields().at("paths").struct_value().fields().contains("/v1/signals"));
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

// What the policy wrote stands in the last message, where that is an agent's and empty: here it
// says again what the first message said, which shows in its redundancy.
TEST_F(Http, TheResponseTakesThePlaceLeftForIt) {
  Start();
  constexpr char kText[] = "one two three four five six seven";
  const auto last_of = [&](const std::string& agent, const std::string& content) {
    const std::string label = absl::StrCat(
        R"({"agents": [{"id": "a"}, {"id": "b"}], "outcome": {"score": 1}, "messages": [)",
        R"({"agentId": "a", "content": ")", kText, R"("}, {"agentId": "b", "content": "eight"},)",
        R"({"agentId": ")", agent, R"(", "content": ")", content, R"("}]})");
    const Reply reply = Post("/rm?signals=1", absl::StrCat(R"({"response": ")", kText,
                                                           R"(", "label": )", Quoted(label), "}"));
    EXPECT_EQ(reply.status, 200) << reply.body;
    const auto parsed = Parse(reply.body);
    const auto& messages =
        parsed.fields().at("signals").struct_value().fields().at("messages").list_value();
    const auto& last = messages.values(messages.values_size() - 1).struct_value().fields();
    const auto redundancy = last.find("redundancy");
    return redundancy == last.end() ? 0 : redundancy->second.number_value();
  };
  EXPECT_EQ(last_of("b", ""), 1);
  EXPECT_EQ(last_of("b", "nothing of the kind"), 0);
  EXPECT_EQ(last_of("", ""), 0);
}

TEST_F(Http, TheOnlyMessageMayBeTheResponse) {
  runtime::Config config;
  config.session.limits.max_episode_bytes = 1000;
  Start(config);
  const auto status = [&](const std::string& messages, size_t length) {
    const std::string label = absl::StrCat(
        R"({"agents": [{"id": "a"}], "outcome": {"score": 1}, "messages": [)", messages, "]}");
    return Post("/rm", absl::StrCat(R"({"response": ")", std::string(length, 'x'),
                                    R"(", "label": )", Quoted(label), "}"))
        .status;
  };
  EXPECT_EQ(status(R"({"agentId": "a"})", 500), 200);
  EXPECT_EQ(status(R"({"agentId": "a"})", 1000), 400) << "the episode is too large with it";
  EXPECT_EQ(status("", 500), 400) << "no message";
}

TEST_F(Http, RewardsComeInTheOrderOfTheLabels) {
  Start();
  const auto label = [](double score, const char* mark) {
    return Quoted(absl::StrCat(
        R"({"agents": [{"id": "a"}], "outcome": {"score": )", score,
        R"(}, "messages": [{"agentId": "a", "content": "x"}, {"agentId": "a", "content": "y")",
        mark, "}]}"));
  };
  const Reply reply =
      Post("/get_reward?other&logs=scalar",
           absl::StrCat(R"({"query": ["Pa", "Pb"], "prompts": ["P", "P"], "labels": [)",
                        label(0.25, R"(, "firstError": true)"), ",", label(0.75, ""), "]}"));
  ASSERT_EQ(reply.status, 200) << reply.body;
  const auto parsed = Parse(reply.body);
  const auto& rewards = parsed.fields().at("rewards").list_value();
  ASSERT_EQ(rewards.values_size(), 2);
  EXPECT_EQ(rewards.values(0).number_value(), 0.25);
  EXPECT_EQ(rewards.values(1).number_value(), 0.75);
  const auto& logs = parsed.fields().at("extra_logs").struct_value().fields();
  EXPECT_EQ(logs.at("first_error").list_value().values(0).number_value(), 1);
  EXPECT_EQ(logs.at("first_error").list_value().values(1).number_value(), -1);
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
  const std::string label = Quoted(kEpisode);
  for (const std::string& fields :
       {absl::StrCat(R"("query": ["q", "r"], "prompts": ["p"], "labels": [)", label, "]"),
        absl::StrCat(R"("query": ["q"], "prompts": ["p", "p"], "labels": [)", label, "]"),
        absl::StrCat(R"("query": ["q"], "prompts": ["p"], "labels": [)", label, ",", label, "]"),
        absl::StrCat(R"("query": ["q"], "labels": [)", label, "]"),
        absl::StrCat(R"("query": [1], "prompts": ["p"], "labels": [)", label, "]"),
        absl::StrCat(R"("query": 1, "prompts": ["p"], "labels": [)", label, "]")}) {
    EXPECT_EQ(Post("/get_reward", absl::StrCat("{", fields, "}")).status, 400) << fields;
  }
  EXPECT_EQ(
      Post("/get_reward", absl::StrCat(R"({"query": "q", "prompts": "p", "labels": )", label, "}"))
          .status,
      200);
  for (const std::string& fields :
       {absl::StrCat(R"("response": ["r", "s"], "label": )", label),
        absl::StrCat(R"("response": "r", "label": [)", label, ",", label, "]"),
        absl::StrCat(R"("response": [], "label": )", label)}) {
    EXPECT_EQ(Post("/rm", absl::StrCat("{", fields, "}")).status, 400) << fields;
  }
  const Reply no_json = Post("/v1/signals", R"({"a secret" 1})");
  EXPECT_EQ(no_json.status, 400);
  EXPECT_FALSE(absl::StrContains(no_json.body, "secret")) << no_json.body;
  const Reply bad = Post("/rm", R"({"response": "r", "label": "{\"id\": \"e\"}"})");
  EXPECT_EQ(bad.status, 400);
  EXPECT_EQ(Parse(bad.body).fields().at("error").struct_value().fields().at("code").number_value(),
            3);
  Connection get(port_);
  get.Send("GET /v1/signals HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(get.Receive().status, 405);
}

TEST_F(Http, ABodyThatIsTooLargeIsRefusedByItsLength) {
  Start();
  Connection connection(port_);
  connection.Send("POST /v1/signals HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n");
  EXPECT_EQ(connection.Receive().status, 413);
}

// As one piece and in chunks.
TEST_F(Http, ABodyMayBeAsLongAsTheLimit) {
  runtime::Config config;
  config.session.limits.max_transport_bytes = 4 << 20;
  config.session.limits.max_episode_bytes = 1 << 20;
  Start(config);
  const std::string call = absl::StrCat("{\"episodes\": [", kEpisode, "]}");
  for (const size_t more : {0, 1}) {
    const std::string body = call + std::string((4 << 20) + more - call.size(), ' ');
    const Reply whole = Post("/v1/signals", body);
    Connection connection(port_);
    connection.Send(absl::StrCat(
        "POST /v1/signals HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: ", "chunked\r\n\r\n",
        absl::Hex(body.size()), "\r\n", body, "\r\n0\r\n\r\n"));
    for (const Reply& reply : {whole, connection.Receive()}) {
      EXPECT_EQ(reply.status, more == 0 ? 200 : 413);
      EXPECT_EQ(absl::StrContains(reply.head, "Connection: close"), more == 1) << reply.head;
      EXPECT_EQ(absl::StrContains(reply.body, "4194305 is above the limit of 4194304"), more == 1);
    }
  }
}

TEST_F(Http, SaysHowLongToStayAway) {
  runtime::Config config;
  config.max_per_caller = {1, int64_t{1} << 30};
  config.session.retry_after = absl::Milliseconds(2100);
  Start(config);
  const std::string one = absl::StrCat("{\"episodes\": [", kEpisode, "]}");
  EXPECT_FALSE(absl::StrContains(Post("/v1/signals", one).head, "Retry-After"));
  const std::string two = absl::StrCat("{\"episodes\": [", kEpisode, ",", kEpisode, "]}");
  const Reply refused = Post("/v1/signals", two);
  EXPECT_EQ(refused.status, 429);
  EXPECT_TRUE(absl::StrContains(refused.head + "\r\n", "Retry-After: 3\r\n")) << refused.head;
}

TEST_F(Http, KeepAliveAndManyAtATime) {
  Start();
  const std::string body = absl::StrCat("{\"episodes\": [", kEpisode, "]}");
  std::vector<std::thread> clients;
  clients.reserve(64);
  std::atomic<int> good = 0;
  for (int c = 0; c < 64; ++c) {
    clients.emplace_back([&] {
      Connection connection(port_);
      for (int i = 0; i < 5; ++i) good += connection.Post("/v1/signals", body).status == 200;
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(good, 64 * 5);
}

// What a page in a browser, or a proxy that reads a request otherwise than we do, could smuggle in.
TEST_F(Http, HeadsThatCannotBeMeantWellAreRefusedBeforeTheBody) {
  Start();
  const auto status = [&](const std::string& headers) {
    Connection connection(port_);
    connection.Send(absl::StrCat("POST /v1/signals HTTP/1.1\r\n", headers, "\r\n"));
    const Reply reply = connection.Receive();
    EXPECT_TRUE(absl::StrContains(reply.head, "Connection: close")) << reply.head;
    return reply.status;
  };
  EXPECT_EQ(status("Host: localhost\r\nContent-Length: 2\r\nContent-Length: 3\r\n"), 400);
  EXPECT_EQ(status("Host: localhost\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n"), 400);
  EXPECT_EQ(status("Host: localhost\r\nOrigin: https://a.example\r\nContent-Length: 2\r\n"), 403);
  EXPECT_EQ(status("Host: a.example:80\r\nContent-Length: 2\r\n"), 403);
  Connection preflight(port_);
  preflight.Send(
      "OPTIONS /v1/signals HTTP/1.1\r\nHost: localhost\r\nOrigin: https://a.example\r\n"
      "Access-Control-Request-Method: POST\r\n\r\n");
  const Reply reply = preflight.Receive();
  EXPECT_EQ(reply.status, 405);
  EXPECT_FALSE(absl::StrContains(reply.head, "Access-Control")) << reply.head;
  EXPECT_EQ(Post("/v1/signals", absl::StrCat("{\"episodes\": [", kEpisode, "]}")).status, 200);
}

// As many as there are threads would stop the gateway if they had one each.
TEST_F(Http, WhoSendsNothingStopsNobody) {
  Start();
  std::vector<std::unique_ptr<Connection>> silent;
  for (int i = 0; i < 200; ++i) silent.push_back(std::make_unique<Connection>(port_));
  for (int i = 0; i < 100; ++i) silent[i]->Send("POST /v1/signals HTTP/1.1\r\nHost: loc");
  EXPECT_EQ(Post("/v1/signals", absl::StrCat("{\"episodes\": [", kEpisode, "]}")).status, 200);
}

// An id that must be cut ends before a character that does not fit.
TEST_F(Http, AnswersAreUtf8WhereverAnIdIsCut) {
  Start();
  for (int letters = 248; letters < 256; ++letters) {
    std::string id(letters, 'x');
    while (id.size() < 300) id += "\xf0\x9f\x98\x80";
    const std::string label =
        absl::StrCat(R"({\"id\": \")", id, R"(\", \"agents\": [{\"id\": \"a\"}], )",
                     R"(\"messages\": [{\"agentId\": \"a\", \"content\": \"x\"}], )",
                     R"(\"outcome\": {\"score\": 1}})");
    const Reply reply = Post("/rm?signals=1",
                             absl::StrCat(R"({"prompt":"","response":"","label":")", label, "\"}"));
    EXPECT_EQ(reply.status, 200) << reply.body;
    google::protobuf::Struct read;
    EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(reply.body, &read).ok()) << reply.body;
  }
}

TEST_F(Http, TheTokenIsLookedAtBeforeTheBodyIsRead) {
  const std::string path = ::testing::TempDir() + "/assay_http_first";
  std::ofstream(path) << "secret\n";
  runtime::Config config;
  config.token_file = path;
  Start(config);
  Connection connection(port_);
  connection.Send(
      "POST /v1/signals HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000000\r\n\r\n");
  EXPECT_EQ(connection.Receive().status, 401) << "not a byte of the body was sent";
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

  EXPECT_TRUE(server_->Shutdown(absl::Seconds(20))) << "no call is left";
  server_.reset();
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  EXPECT_FALSE(Connects(fd, port_)) << "the port is given back";
  close(fd);
}

}  // namespace
}  // namespace assay::testing
