#include "server/transport/relay.h"

#include <unistd.h>

#include <array>
#include <asio/connect.hpp>
#include <asio/generic/stream_protocol.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/write.hpp>
#include <cstdint>
#include <cstring>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace assay::service {
namespace {

using asio::ip::tcp;
using Stream = asio::generic::stream_protocol;

constexpr size_t kBufferBytes = 16 << 10;
constexpr int kMaxConnections = 1024;
constexpr absl::string_view kUnix = "unix:";

// Both directions of one connection. Lives as long as one of them is under way.
class Pipe : public std::enable_shared_from_this<Pipe> {
 public:
  Pipe(Stream::socket outside, asio::io_context& io, std::function<void()> closed)
      : outside_(std::move(outside)), inside_(io), closed_(std::move(closed)) {}
  ~Pipe() { closed_(); }

  void Start(const tcp::endpoint& target) {
    inside_.async_connect(Stream::endpoint(target),
                          [self = shared_from_this()](asio::error_code error) {
                            if (error) return;
                            self->Copy(self->outside_, self->inside_, self->up_);
                            self->Copy(self->inside_, self->outside_, self->down_);
                          });
  }

 private:
  using Buffer = std::array<char, kBufferBytes>;

  void Copy(Stream::socket& from, Stream::socket& to, Buffer& buffer) {
    from.async_read_some(asio::buffer(buffer), [this, self = shared_from_this(), &from, &to,
                                                &buffer](asio::error_code error, size_t size) {
      asio::error_code ignored;
      if (error) {
        to.shutdown(Stream::socket::shutdown_send, ignored);
        return;
      }
      asio::async_write(to, asio::buffer(buffer, size),
                        [this, self, &from, &to, &buffer](asio::error_code failed, size_t) {
                          if (!failed) return Copy(from, to, buffer);
                          asio::error_code quiet;
                          from.close(quiet);
                        });
    });
  }

  Stream::socket outside_;
  Stream::socket inside_;
  const std::function<void()> closed_;
  Buffer up_;
  Buffer down_;
};

class AsioRelay final : public Relay {
 public:
  explicit AsioRelay(int target_port)
      : target_(asio::ip::address_v4::loopback(), static_cast<uint16_t>(target_port)),
        acceptor_(io_) {}

  ~AsioRelay() override {
    closed_.reset();
    io_.stop();
    if (thread_.joinable()) thread_.join();
    if (!path_.empty()) unlink(path_.c_str());
  }

  absl::Status Listen(const std::string& address) {
    asio::error_code error;
    Stream::endpoint endpoint;
    if (absl::StartsWith(address, kUnix)) {
      path_ = address.substr(kUnix.size());
      endpoint = asio::local::stream_protocol::endpoint(path_);
    } else {
      const size_t colon = address.rfind(':');
      const auto ip = asio::ip::make_address_v6(address.substr(1, colon - 2), error);
      int port = 0;
      if (error || !absl::SimpleAtoi(address.substr(colon + 1), &port)) {
        return absl::UnavailableError("no IPv6 address");
      }
      endpoint = tcp::endpoint(ip, static_cast<uint16_t>(port));
    }
    acceptor_.open(endpoint.protocol(), error);
    if (!error && path_.empty())
      acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (error) path_.clear();  // somebody else's
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) return absl::UnavailableError(error.message());
    if (path_.empty()) {
      tcp::endpoint bound;
      const Stream::endpoint local = acceptor_.local_endpoint();
      bound.resize(local.size());
      std::memcpy(bound.data(), local.data(), local.size());
      port_ = bound.port();
    }
    Accept();
    thread_ = std::thread([this] { io_.run(); });
    return absl::OkStatus();
  }

  int port() const override { return port_; }

 private:
  void Accept() {
    acceptor_.async_accept([this](asio::error_code error, Stream::socket socket) {
      if (error == asio::error::operation_aborted) return;
      if (!error) {
        ++connections_;
        // A pipe that ends with the relay has nobody to tell.
        const auto closed = [told = std::weak_ptr<std::function<void()>>(closed_)] {
          if (const auto tell = told.lock()) (*tell)();
        };
        std::make_shared<Pipe>(std::move(socket), io_, closed)->Start(target_);
      }
      if (connections_ < kMaxConnections) return Accept();
      full_ = true;
    });
  }

  void Closed() {
    --connections_;
    if (std::exchange(full_, false)) Accept();
  }

  const tcp::endpoint target_;
  asio::io_context io_{1};
  asio::basic_socket_acceptor<Stream> acceptor_;
  std::string path_;  // of our own Unix socket
  int port_ = 0;
  int connections_ = 0;  // these two belong to the thread
  bool full_ = false;
  std::shared_ptr<std::function<void()>> closed_ =
      std::make_shared<std::function<void()>>([this] { Closed(); });
  std::thread thread_;
};

}  // namespace

bool NeedsRelay(absl::string_view address) {
  return absl::StartsWith(address, kUnix) || absl::StartsWith(address, "[");
}

absl::StatusOr<std::unique_ptr<Relay>> Relay::Start(const std::string& address, int target_port) {
  auto relay = std::make_unique<AsioRelay>(target_port);
  if (absl::Status listening = relay->Listen(address); !listening.ok()) return listening;
  return relay;
}

}  // namespace assay::service
