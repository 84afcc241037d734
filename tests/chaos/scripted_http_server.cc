#include "tests/chaos/scripted_http_server.h"

#include <array>
#include <asio.hpp>
#include <thread>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace assay::chaos {
namespace {

using asio::ip::tcp;

// One request, one answer, then the connection is closed.
class Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  Exchange(tcp::socket socket, const ScriptedHttpServer::Script& script, std::atomic<int>& requests)
      : socket_(std::move(socket)),
        timer_(socket_.get_executor()),
        script_(script),
        requests_(requests) {}

  void Start() { Read(); }

 private:
  void Read() {
    socket_.async_read_some(asio::buffer(buffer_), [self = shared_from_this()](
                                                       const asio::error_code& error, size_t size) {
      if (error) return;
      self->received_.append(self->buffer_.data(), size);
      if (self->Complete()) {
        self->answer_ = self->script_(self->requests_++, self->head_, self->body_);
        self->Write(0);
      } else {
        self->Read();
      }
    });
  }

  bool Complete() {
    const size_t end = received_.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    head_ = received_.substr(0, end);
    const std::string lower = absl::AsciiStrToLower(head_);
    const size_t at = lower.find("content-length:");
    size_t length = 0;
    if (at != std::string::npos) {
      const absl::string_view rest = absl::string_view(lower).substr(at + 15);
      if (!absl::SimpleAtoi(rest.substr(0, rest.find("\r\n")), &length)) return false;
    }
    body_ = received_.substr(end + 4);
    return body_.size() >= length;
  }

  void Write(size_t from) {
    if (from >= answer_.bytes.size()) return;
    const bool drip = answer_.pause > absl::ZeroDuration();
    const size_t size = drip ? 1 : answer_.bytes.size() - from;
    timer_.expires_after(absl::ToChronoNanoseconds(answer_.pause));
    timer_.async_wait([self = shared_from_this(), from, size](const asio::error_code& error) {
      if (error) return;
      asio::async_write(self->socket_, asio::buffer(self->answer_.bytes.data() + from, size),
                        [self, from, size](const asio::error_code& failed, size_t) {
                          if (!failed) self->Write(from + size);
                        });
    });
  }

  tcp::socket socket_;
  asio::steady_timer timer_;
  const ScriptedHttpServer::Script& script_;
  std::atomic<int>& requests_;
  std::array<char, 16384> buffer_;
  std::string received_;
  std::string head_;
  std::string body_;
  HttpAnswer answer_;
};

}  // namespace

HttpAnswer JsonAnswer(int status, const std::string& body, const std::string& headers) {
  return {
      absl::StrCat("HTTP/1.1 ", status, " Status\r\nContent-Type: application/json\r\n", headers,
                   "Content-Length: ", body.size(), "\r\nConnection: close\r\n\r\n", body),
      absl::ZeroDuration()};
}

class ScriptedHttpServer::Impl {
 public:
  explicit Impl(Script script)
      : script_(std::move(script)),
        acceptor_(io_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
        port_(acceptor_.local_endpoint().port()) {
    Accept();
    thread_ = std::thread([this] { io_.run(); });
  }
  ~Impl() {
    io_.stop();
    thread_.join();
  }

  std::atomic<int> requests{0};
  int port() const { return port_; }

 private:
  void Accept() {
    acceptor_.async_accept([this](const asio::error_code& error, tcp::socket socket) {
      if (error) return;
      std::make_shared<Exchange>(std::move(socket), script_, requests)->Start();
      Accept();
    });
  }

  const Script script_;
  asio::io_context io_;
  tcp::acceptor acceptor_;
  const int port_;
  std::thread thread_;
};

ScriptedHttpServer::ScriptedHttpServer(Script script)
    : impl_(std::make_unique<Impl>(std::move(script))) {}
ScriptedHttpServer::~ScriptedHttpServer() = default;
std::string ScriptedHttpServer::url() const {
  return absl::StrCat("http://127.0.0.1:", impl_->port(), "/v1");
}
int ScriptedHttpServer::requests() const { return impl_->requests; }

}  // namespace assay::chaos
