// A server with an HTTP gateway, and connections to it.
#ifndef ASSAY_TESTS_INTEGRATION_HTTP_FIXTURE_H_
#define ASSAY_TESTS_INTEGRATION_HTTP_FIXTURE_H_

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "assay/v1/signal_service.pb.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "server/runtime/assay_server.h"
#include "tests/hangs.h"

namespace assay::testing {

struct Reply {
  int status = 0;
  std::string head;
  std::string body;
};

inline bool Connects(int fd, int port) {
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
    const timeval timeout = absl::ToTimeval(kHangs);
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

inline constexpr char kEpisode[] =
    R"({"id": "e", "agents": [{"id": "a"}, {"id": "b"}], "outcome": {"score": 0.75},
        "messages": [{"agentId": "a", "content": "one two"}, {"agentId": "b", "content": ""}]})";

inline std::string Quoted(const std::string& text) {
  google::protobuf::Value value;
  value.set_string_value(text);
  std::string json;
  EXPECT_TRUE(google::protobuf::util::MessageToJsonString(value, &json).ok());
  return json;
}

inline google::protobuf::Struct Parse(const std::string& json) {
  google::protobuf::Struct parsed;
  EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(json, &parsed).ok()) << json;
  return parsed;
}

}  // namespace assay::testing

#endif  // ASSAY_TESTS_INTEGRATION_HTTP_FIXTURE_H_
