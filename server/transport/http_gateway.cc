#include "server/transport/http_gateway.h"

#include <civetweb.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/thread_memory.h"
#include "server/wire/errors.h"

namespace assay::service {
namespace {

constexpr char kThreads[] = "64";
constexpr char kRequestTimeoutMs[] = "30000";    // to receive a request
constexpr char kKeepAliveTimeoutMs[] = "60000";  // between two requests
constexpr int64_t kReadBytes = 64 << 10;

class Gateway final : public HttpGateway {
 public:
  explicit Gateway(const HttpRoutes* routes) : routes_(routes) {}
  ~Gateway() override {
    if (context_ != nullptr) mg_stop(context_);
  }

  absl::Status Listen(const std::string& address) {
    const char* options[] = {"listening_ports",
                             address.c_str(),
                             "num_threads",
                             kThreads,
                             "request_timeout_ms",
                             kRequestTimeoutMs,
                             "enable_keep_alive",
                             "yes",
                             "keep_alive_timeout_ms",
                             kKeepAliveTimeoutMs,
                             nullptr};
    mg_callbacks callbacks{};
    callbacks.init_thread = KeepNoFreedMemory;
    context_ = mg_start(&callbacks, this, options);
    mg_server_port port{};
    if (context_ == nullptr || mg_get_server_ports(context_, 1, &port) != 1) {
      return absl::UnavailableError(absl::StrCat("http: cannot listen on ", address));
    }
    port_ = port.port;
    mg_set_request_handler(context_, "**", &Gateway::OnRequest, this);
    return absl::OkStatus();
  }

  int port() const override { return port_; }
  int calls() const override { return calls_.load(); }

 private:
  static int OnRequest(mg_connection* connection, void* self) {
    return static_cast<Gateway*>(self)->Handle(connection);
  }

  int Handle(mg_connection* connection) {
    ++calls_;
    const HttpReply reply = Answer(connection);
    Write(connection, reply);
    --calls_;
    return reply.status;
  }

  HttpReply Answer(mg_connection* connection) const {
    const mg_request_info* info = mg_get_request_info(connection);
    if (absl::string_view(info->request_method) != "POST") {
      HttpReply reply = ToHttp(absl::UnimplementedError("only POST"));
      reply.status = 405;
      return reply;
    }
    if (info->content_length > routes_->max_body_bytes()) return TooLarge();
    std::string body;
    // Without a length the body is chunked: its size shows only while it is read.
    std::string chunk(kReadBytes, '\0');
    for (int n; (n = mg_read(connection, chunk.data(), chunk.size())) > 0;) {
      body.append(chunk, 0, static_cast<size_t>(n));
      if (static_cast<int64_t>(body.size()) > routes_->max_body_bytes()) return TooLarge();
    }
    const auto header = [connection](const char* name) {
      const char* value = mg_get_header(connection, name);
      return absl::string_view(value == nullptr ? "" : value);
    };
    const std::string peer = absl::StrCat("http:", info->remote_addr, ":", info->remote_port);
    // A thread a request may wait: there are 64 of them, and no worker is among them.
    const auto promise = std::make_shared<std::promise<HttpReply>>();
    std::future<HttpReply> future = promise->get_future();
    routes_->Post({info->local_uri, info->query_string == nullptr ? "" : info->query_string,
                   header("Authorization"), header("traceparent"), peer, body},
                  [promise](HttpReply reply) { promise->set_value(std::move(reply)); });
    return future.get();
  }

  HttpReply TooLarge() const {
    HttpReply reply =
        ToHttp(OverLimit("body", routes_->max_body_bytes() + 1, routes_->max_body_bytes()));
    reply.status = 413;
    return reply;
  }

  static void Write(mg_connection* connection, const HttpReply& reply) {
    std::string head = absl::StrCat(
        "HTTP/1.1 ", reply.status, " ", mg_get_response_code_text(connection, reply.status),
        "\r\nContent-Type: application/json\r\nContent-Length: ", reply.body.size(), "\r\n");
    if (reply.retry_after.has_value()) {
      absl::StrAppend(&head, "Retry-After: ",
                      std::max<int64_t>(1, absl::ToInt64Seconds(
                                               absl::Ceil(*reply.retry_after, absl::Seconds(1)))),
                      "\r\n");
    }
    // What was not read of a body that is too large would be taken for the next request.
    if (reply.status == 413) head += "Connection: close\r\n";
    head += "\r\n";
    mg_write(connection, head.data(), head.size());
    mg_write(connection, reply.body.data(), reply.body.size());
  }

  const HttpRoutes* const routes_;
  mg_context* context_ = nullptr;
  int port_ = 0;
  std::atomic<int> calls_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<HttpGateway>> HttpGateway::Start(const std::string& address,
                                                                const HttpRoutes* routes) {
  auto gateway = std::make_unique<Gateway>(routes);
  if (absl::Status listening = gateway->Listen(address); !listening.ok()) return listening;
  return gateway;
}

}  // namespace assay::service
