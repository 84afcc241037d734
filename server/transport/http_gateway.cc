#include "server/transport/http_gateway.h"

#include <civetweb.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/base/status_macros.h"
#include "server/base/thread_memory.h"
#include "server/transport/openapi.h"
#include "server/transport/relay.h"
#include "server/wire/errors.h"

namespace assay::service {
namespace {

// A thread a connection that the relay carries on, and some to spare.
constexpr int kSpareThreads = 4;
constexpr char kRequestTimeoutMs[] = "10000";   // for the next bytes of a request
constexpr char kKeepAliveTimeoutMs[] = "5000";  // between two requests: a thread waits for them
constexpr int64_t kReadBytes = 64 << 10;

// A name that a page in a browser could have had resolved to this machine (DNS rebinding): one with
// a dot, that is no address.
bool IsForeignName(absl::string_view host) {
  host = host.substr(0, host.find(':'));
  return absl::StrContains(host, '.') &&
         host.find_first_not_of("0123456789.") != absl::string_view::npos;
}

class Gateway final : public HttpGateway {
 public:
  explicit Gateway(const HttpRoutes* routes) : routes_(routes) {}
  ~Gateway() override {
    relay_.reset();
    if (context_ != nullptr) mg_stop(context_);
  }

  absl::Status Listen(const std::string& address) {
    // What listens on loopback is not to be reached by a name that means another machine.
    local_ = absl::StartsWith(address, "127.") || absl::StartsWith(address, "localhost") ||
             absl::StartsWith(address, "[::1]");
    const std::string threads = absl::StrCat(routes_->limits().http.max_served + kSpareThreads);
    const char* options[] = {"listening_ports",
                             "127.0.0.1:0",
                             "num_threads",
                             threads.c_str(),
                             "request_timeout_ms",
                             kRequestTimeoutMs,
                             "enable_keep_alive",
                             "yes",
                             "tcp_nodelay",
                             "1",
                             "keep_alive_timeout_ms",
                             kKeepAliveTimeoutMs,
                             "access_control_allow_origin",
                             "",
                             nullptr};
    mg_callbacks callbacks{};
    callbacks.init_thread = KeepNoFreedMemory;
    context_ = mg_start(&callbacks, this, options);
    mg_server_port port{};
    if (context_ == nullptr || mg_get_server_ports(context_, 1, &port) != 1) {
      return absl::UnavailableError(absl::StrCat("http: cannot listen on ", address));
    }
    mg_set_request_handler(context_, "**", &Gateway::OnRequest, this);
    auto relay = Relay::Start(address, port.port, routes_->limits().http);
    if (!relay.ok()) {
      return absl::UnavailableError(
          absl::StrCat("http: cannot listen on ", address, ": ", relay.status().message()));
    }
    relay_ = *std::move(relay);
    return absl::OkStatus();
  }

  int port() const override { return relay_->port(); }
  int calls() const override { return calls_.load(); }

 private:
  static int OnRequest(mg_connection* connection, void* self) {
    return static_cast<Gateway*>(self)->Handle(connection);
  }

  int Handle(mg_connection* connection) {
    ++calls_;
    const std::optional<HttpReply> reply = Answer(connection);
    if (reply.has_value()) {
      // What is left of the request is not waited for, and must not be taken for the next one.
      if (reply->close) relay_->StopReading(mg_get_request_info(connection)->remote_port);
      Write(connection, *reply);
    }
    --calls_;
    return reply.has_value() ? reply->status : 200;
  }

  // OK where the body may be read: by what the head says alone.
  absl::Status CheckHead(const mg_request_info& info) const {
    int lengths = 0;
    bool chunked = false;
    for (int i = 0; i < info.num_headers; ++i) {
      const absl::string_view name = info.http_headers[i].name;
      const absl::string_view value = info.http_headers[i].value;
      if (absl::EqualsIgnoreCase(name, "Content-Length")) ++lengths;
      if (absl::EqualsIgnoreCase(name, "Transfer-Encoding")) chunked = true;
      if (absl::EqualsIgnoreCase(name, "Origin")) {
        return absl::PermissionDeniedError("requests of web pages are not taken");
      }
      if (local_ && absl::EqualsIgnoreCase(name, "Host") && IsForeignName(value)) {
        return absl::PermissionDeniedError(
            "the Host header names another machine: use an address or localhost");
      }
    }
    if (lengths + (chunked ? 1 : 0) > 1) {
      return Invalid("body", "its length is given more than once");
    }
    return absl::OkStatus();
  }

  // Nothing where the answer was written already.
  std::optional<HttpReply> Answer(mg_connection* connection) const {
    const mg_request_info* info = mg_get_request_info(connection);
    const bool describe = absl::string_view(info->request_method) == "GET" &&
                          absl::string_view(info->local_uri) == "/openapi.json";
    if (absl::string_view(info->request_method) != "POST" && !describe) {
      HttpReply reply = ToHttp(absl::UnimplementedError("only POST, and GET /openapi.json"));
      reply.status = 405;
      reply.close = true;
      return reply;
    }
    const auto header = [connection](const char* name) {
      const char* value = mg_get_header(connection, name);
      return absl::string_view(value == nullptr ? "" : value);
    };
    absl::Status refused = CheckHead(*info);
    if (refused.ok()) refused = routes_->MayCall(header("Authorization"));
    if (!refused.ok()) {
      HttpReply reply = ToHttp(refused);
      reply.close = true;
      return reply;
    }
    if (describe) {
      HttpReply reply;
      reply.body = OpenApi();
      return reply;
    }
    HttpCall call;
    call.path = info->local_uri;
    call.query = info->query_string == nullptr ? "" : info->query_string;
    call.authorization = header("Authorization");
    call.traceparent = header("traceparent");
    call.content_type = header("Content-Type");
    const std::string peer = relay_->PeerOf(info->remote_port);
    call.peer = peer;
    if (HttpRoutes::IsStream(call)) return Stream(connection, call);
    if (info->content_length > routes_->limits().max_transport_bytes) return TooLarge();
    const absl::Time read_by = absl::Now() + routes_->limits().request_time;
    std::string body;
    // Without a length the body is chunked: its size shows only while it is read.
    std::string chunk(kReadBytes, '\0');
    for (int n; (n = mg_read(connection, chunk.data(), chunk.size())) > 0;) {
      body.append(chunk, 0, static_cast<size_t>(n));
      if (static_cast<int64_t>(body.size()) > routes_->limits().max_transport_bytes)
        return TooLarge();
      if (absl::Now() > read_by) {
        HttpReply reply = ToHttp(absl::DeadlineExceededError(absl::StrCat(
            "the body took longer than ", absl::FormatDuration(routes_->limits().request_time))));
        reply.status = 408;
        reply.close = true;
        return reply;
      }
    }
    call.body = body;
    // A thread a request may wait: there are 64 of them, and no worker is among them.
    const auto promise = std::make_shared<std::promise<HttpReply>>();
    std::future<HttpReply> future = promise->get_future();
    routes_->Post(call, [promise](HttpReply reply) { promise->set_value(std::move(reply)); });
    return future.get();
  }

  // Lines in, lines out. Without a reply the answer was written already.
  std::optional<HttpReply> Stream(mg_connection* connection, const HttpCall& call) const {
    const int peer = mg_get_request_info(connection)->remote_port;
    bool begun = false;
    HttpDuplex duplex;
    duplex.read = [connection](char* data, size_t size) { return mg_read(connection, data, size); };
    duplex.write = [connection, &begun](absl::string_view data) {
      if (!std::exchange(begun, true)) {
        constexpr absl::string_view kHead =
            "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: "
            "chunked\r\nConnection: close\r\n\r\n";
        if (mg_write(connection, kHead.data(), kHead.size()) <= 0) return false;
      }
      // In one piece: mg_send_chunk writes three.
      const std::string chunk = absl::StrCat(absl::Hex(data.size()), "\r\n", data, "\r\n");
      return mg_write(connection, chunk.data(), chunk.size()) > 0;
    };
    duplex.stop_reading = [this, peer] { relay_->StopReading(peer); };
    std::optional<HttpReply> refused = routes_->Stream(call, duplex);
    if (refused.has_value()) {
      refused->close = true;
    } else if (begun || duplex.write("\n")) {  // a stream without episodes has an empty line
      mg_send_chunk(connection, "", 0);
    }
    return refused;
  }

  HttpReply TooLarge() const {
    HttpReply reply = ToHttp(OverLimit("body", routes_->limits().max_transport_bytes + 1,
                                       routes_->limits().max_transport_bytes));
    reply.status = 413;
    reply.close = true;
    return reply;
  }

  static void Write(mg_connection* connection, const HttpReply& reply) {
    std::string head = absl::StrCat("HTTP/1.1 ", reply.status, " ",
                                    mg_get_response_code_text(connection, reply.status),
                                    "\r\nContent-Type: ", reply.content_type,
                                    "\r\nContent-Length: ", reply.body.size(), "\r\n");
    if (reply.retry_after.has_value()) {
      absl::StrAppend(&head, "Retry-After: ",
                      std::max<int64_t>(1, absl::ToInt64Seconds(
                                               absl::Ceil(*reply.retry_after, absl::Seconds(1)))),
                      "\r\n");
    }
    if (reply.close) head += "Connection: close\r\n";
    // In one piece: a second one would wait until the first is acknowledged.
    absl::StrAppend(&head, "\r\n", reply.body);
    mg_write(connection, head.data(), head.size());
  }

  const HttpRoutes* const routes_;
  mg_context* context_ = nullptr;
  std::unique_ptr<Relay> relay_;
  bool local_ = false;
  std::atomic<int> calls_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<HttpGateway>> HttpGateway::Start(const std::string& address,
                                                                const HttpRoutes* routes) {
  auto gateway = std::make_unique<Gateway>(routes);
  ASSAY_RETURN_IF_ERROR(gateway->Listen(address));
  return gateway;
}

}  // namespace assay::service
