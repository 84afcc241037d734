#include "server/transport/relay.h"

#include <unistd.h>

#include <algorithm>
#include <asio/connect.hpp>
#include <asio/generic/stream_protocol.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <asio/write.hpp>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/base/mutex.h"
#include "server/base/peer.h"
#include "server/base/status_macros.h"

namespace assay::service {
namespace {

using asio::ip::tcp;
using Stream = asio::generic::stream_protocol;

constexpr size_t kHeadBytes = 4 << 10;  // read at once, before a connection is carried on
constexpr size_t kBufferBytes = 64 << 10;
constexpr absl::string_view kUnix = "unix:";
// No descriptor is left: until it is tried again.
constexpr std::chrono::milliseconds kAcceptAgain{50};
constexpr absl::Duration kLinger = absl::Seconds(1);

tcp::endpoint ToTcp(const Stream::endpoint& from) {
  tcp::endpoint to;
  to.resize(from.size());
  std::memcpy(to.data(), from.data(), from.size());
  return to;
}

// HOST:PORT or [IPV6]:PORT.
absl::StatusOr<tcp::endpoint> Resolve(asio::io_context& io, absl::string_view address) {
  const size_t colon = address.rfind(':');
  absl::string_view host = address.substr(0, colon);
  if (absl::ConsumePrefix(&host, "[")) absl::ConsumeSuffix(&host, "]");
  int port = 0;
  if (!absl::SimpleAtoi(address.substr(colon + 1), &port)) {
    return absl::UnavailableError("no port");
  }
  asio::error_code error;
  const auto ip = asio::ip::make_address(std::string(host), error);
  if (!error) return tcp::endpoint(ip, static_cast<uint16_t>(port));
  const auto found = tcp::resolver(io).resolve(std::string(host), absl::StrCat(port), error);
  if (error || found.empty()) return absl::UnavailableError("no such host");
  return found.begin()->endpoint();
}

// What the pipes of a relay share. Used on its thread alone, but for the ports.
class Door;

// Both directions of one connection. Lives as long as one of them is under way.
class Pipe : public std::enable_shared_from_this<Pipe> {
 public:
  Pipe(Stream::socket outside, asio::io_context& io, std::shared_ptr<Door> door, std::string peer)
      : outside_(std::move(outside)),
        inside_(io),
        timer_(io),
        door_(std::move(door)),
        peer_(std::move(peer)) {}
  ~Pipe();

  void Start();
  // The target has room.
  void Carry(const tcp::endpoint& target);
  void StopReading() {
    asio::error_code ignored;
    dropping_ = true;
    inside_.shutdown(Stream::socket::shutdown_send, ignored);
  }

  const std::string& peer() const { return peer_; }
  std::string network() const { return NetworkOf(peer_); }
  bool open() const { return outside_.is_open(); }

 private:
  using Buffer = std::vector<char>;

  void ReadHead();
  void CloseAfter(absl::Duration time);
  void Copy(Stream::socket& from, Stream::socket& to, Buffer& buffer);

  Stream::socket outside_;
  Stream::socket inside_;
  asio::steady_timer timer_;
  const std::shared_ptr<Door> door_;
  const std::string peer_;
  std::string head_;
  bool carried_ = false;
  bool dropping_ = false;  // what the peer still sends
  int inside_port_ = 0;
  Buffer up_ = Buffer(kHeadBytes);
  Buffer down_;
};

class Door : public std::enable_shared_from_this<Door> {
 public:
  Door(const HttpLimits& limits, const tcp::endpoint& target) : limits_(limits), target_(target) {}

  const HttpLimits& limits() const { return limits_; }
  bool full() const { return held_ >= limits_.max_connections; }
  // False: its network has as many as it may.
  bool Enter(const std::string& network) {
    int& of_network = held_by_[network];
    if (of_network >= limits_.max_connections_per_peer()) return false;
    ++of_network;
    ++held_;
    return true;
  }
  void Leave(const std::string& network, bool carried) {
    --held_;
    Less(held_by_, network);
    if (carried) {
      --carried_;
      Less(carried_by_, network);
    }
    if (left_) left_();
  }

  // Its head is there: it is carried on as soon as there is room.
  void Ready(const std::shared_ptr<Pipe>& pipe) {
    waiting_.push_back(pipe);
    CarryWaiting();
  }
  void CarryWaiting() {
    for (auto it = waiting_.begin(); it != waiting_.end() && carried_ < limits_.max_served;) {
      const std::shared_ptr<Pipe> pipe = it->lock();
      if (pipe == nullptr || !pipe->open()) {
        it = waiting_.erase(it);
        continue;
      }
      int& of_network = carried_by_[pipe->network()];
      if (of_network >= limits_.max_served_per_peer()) {
        ++it;
        continue;
      }
      ++of_network;
      ++carried_;
      it = waiting_.erase(it);
      pipe->Carry(target_);
    }
  }

  void Know(int port, const std::shared_ptr<Pipe>& pipe) {
    MutexLock lock(&mutex_);
    pipes_[port] = pipe;
  }
  void Forget(int port) {
    MutexLock lock(&mutex_);
    pipes_.erase(port);
  }
  std::shared_ptr<Pipe> Find(int port) {
    MutexLock lock(&mutex_);
    const auto found = pipes_.find(port);
    return found == pipes_.end() ? nullptr : found->second.lock();
  }

  // Called when a connection has ended; empty once the relay has.
  void set_left(std::function<void()> left) { left_ = std::move(left); }

 private:
  static void Less(std::map<std::string, int>& counts, const std::string& network) {
    const auto found = counts.find(network);
    if (found != counts.end() && --found->second <= 0) counts.erase(found);
  }

  const HttpLimits limits_;
  const tcp::endpoint target_;
  int held_ = 0;
  int carried_ = 0;
  std::map<std::string, int> held_by_;  // by network
  std::map<std::string, int> carried_by_;
  std::deque<std::weak_ptr<Pipe>> waiting_;
  std::function<void()> left_;
  Mutex mutex_;
  std::map<int, std::weak_ptr<Pipe>> pipes_ ABSL_GUARDED_BY(mutex_);
};

Pipe::~Pipe() {
  if (inside_port_ != 0) door_->Forget(inside_port_);
  door_->Leave(network(), carried_);
}

// What is written is passed on as it is: the last piece must not wait for what is under way.
void NoDelay(Stream::socket& socket) {
  asio::error_code ignored;  // a Unix socket does not know it, and has no delay
  socket.set_option(tcp::no_delay(true), ignored);
}

void Pipe::Start() {
  NoDelay(outside_);
  CloseAfter(door_->limits().head_time);
  ReadHead();
}

void Pipe::CloseAfter(absl::Duration time) {
  timer_.expires_after(std::chrono::nanoseconds(absl::ToInt64Nanoseconds(time)));
  timer_.async_wait([weak = weak_from_this()](asio::error_code error) {
    const auto self = weak.lock();
    asio::error_code ignored;
    if (!error && self != nullptr) self->outside_.close(ignored);
  });
}

void Pipe::ReadHead() {
  outside_.async_read_some(
      asio::buffer(up_), [this, self = shared_from_this()](asio::error_code error, size_t size) {
        if (error) return;
        head_.append(up_.data(), size);
        if (head_.find("\r\n\r\n") != std::string::npos) {
          CloseAfter(door_->limits().patience);
          timer_.async_wait([self](asio::error_code) {});  // holds the pipe meanwhile
          door_->Ready(self);
          return;
        }
        if (head_.size() < static_cast<size_t>(door_->limits().max_head_bytes)) return ReadHead();
        outside_.close(error);
      });
}

void Pipe::Carry(const tcp::endpoint& target) {
  carried_ = true;
  timer_.cancel();
  inside_.async_connect(Stream::endpoint(target), [this, self = shared_from_this()](
                                                      asio::error_code error) {
    if (error) return;
    const Stream::endpoint local = inside_.local_endpoint(error);
    if (error) return;
    NoDelay(inside_);
    inside_port_ = ToTcp(local).port();
    door_->Know(inside_port_, self);
    asio::async_write(inside_, asio::buffer(head_), [this, self](asio::error_code failed, size_t) {
      if (failed) return;
      head_ = std::string();
      up_.resize(kBufferBytes);
      down_.resize(kBufferBytes);
      Copy(outside_, inside_, up_);
      Copy(inside_, outside_, down_);
    });
  });
}

void Pipe::Copy(Stream::socket& from, Stream::socket& to, Buffer& buffer) {
  from.async_read_some(asio::buffer(buffer), [this, self = shared_from_this(), &from, &to, &buffer](
                                                 asio::error_code error, size_t size) {
    if (error) {
      asio::error_code ignored;
      to.shutdown(Stream::socket::shutdown_send, ignored);
      // A target that has answered and closed wants no more of the request. The peer gets a moment
      // to read the answer: to close at once, with bytes unread, would take it away.
      if (&from == &inside_) {
        dropping_ = true;
        CloseAfter(kLinger);
      }
      return;
    }
    if (dropping_ && &from == &outside_) return Copy(from, to, buffer);
    asio::async_write(to, asio::buffer(buffer, size),
                      [this, self, &from, &to, &buffer](asio::error_code failed, size_t) {
                        if (!failed || (dropping_ && &from == &outside_)) {
                          return Copy(from, to, buffer);
                        }
                        asio::error_code quiet;
                        from.close(quiet);
                      });
  });
}

class AsioRelay final : public Relay {
 public:
  AsioRelay(int target_port, const HttpLimits& limits)
      : acceptor_(io_),
        again_(io_),
        door_(std::make_shared<Door>(limits, tcp::endpoint(asio::ip::address_v4::loopback(),
                                                           static_cast<uint16_t>(target_port)))) {}

  ~AsioRelay() override {
    io_.stop();
    if (thread_.joinable()) thread_.join();
    door_->set_left({});
    if (!path_.empty()) unlink(path_.c_str());
  }

  absl::Status Listen(const std::string& address) {
    asio::error_code error;
    Stream::endpoint endpoint;
    if (absl::StartsWith(address, kUnix)) {
      path_ = address.substr(kUnix.size());
      endpoint = asio::local::stream_protocol::endpoint(path_);
    } else {
      const absl::StatusOr<tcp::endpoint> resolved = Resolve(io_, address);
      if (!resolved.ok()) return resolved.status();
      endpoint = *resolved;
    }
    acceptor_.open(endpoint.protocol(), error);
    if (!error && path_.empty()) {
      acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    }
    if (!error) acceptor_.bind(endpoint, error);
    if (error) path_.clear();  // somebody else's
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) return absl::UnavailableError(error.message());
    if (path_.empty()) port_ = ToTcp(acceptor_.local_endpoint()).port();
    door_->set_left([this] {
      if (std::exchange(full_, false)) Accept();
      asio::post(io_, [door = door_] { door->CarryWaiting(); });
    });
    Accept();
    thread_ = std::thread([this] { io_.run(); });
    return absl::OkStatus();
  }

  int port() const override { return port_; }
  std::string PeerOf(int inside_port) override {
    const std::shared_ptr<Pipe> pipe = door_->Find(inside_port);
    return pipe == nullptr ? std::string() : pipe->peer();
  }
  void StopReading(int inside_port) override {
    asio::post(io_, [door = door_, inside_port] {
      if (const std::shared_ptr<Pipe> pipe = door->Find(inside_port)) pipe->StopReading();
    });
  }

 private:
  void Accept() {
    acceptor_.async_accept([this](asio::error_code error, Stream::socket socket) {
      if (error == asio::error::operation_aborted) return;
      if (error) return AcceptLater();
      const std::string peer = PeerOf(socket);
      if (door_->Enter(NetworkOf(peer))) {
        std::make_shared<Pipe>(std::move(socket), io_, door_, peer)->Start();
      }
      if (!door_->full()) return Accept();
      full_ = true;
    });
  }

  void AcceptLater() {
    again_.expires_after(kAcceptAgain);
    again_.async_wait([this](asio::error_code error) {
      if (!error) Accept();
    });
  }

  std::string PeerOf(const Stream::socket& socket) const {
    asio::error_code error;
    const Stream::endpoint remote = socket.remote_endpoint(error);
    if (error || !path_.empty()) return std::string(kUnix);
    const tcp::endpoint peer = ToTcp(remote);
    const std::string ip = peer.address().to_string();
    return peer.address().is_v6() ? absl::StrCat("ipv6:[", ip, "]:", peer.port())
                                  : absl::StrCat("ipv4:", ip, ":", peer.port());
  }

  asio::io_context io_{1};
  asio::basic_socket_acceptor<Stream> acceptor_;
  asio::steady_timer again_;
  std::string path_;  // of our own Unix socket
  int port_ = 0;
  const std::shared_ptr<Door> door_;
  bool full_ = false;  // of the thread
  std::thread thread_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Relay>> Relay::Start(const std::string& address, int target_port,
                                                    const HttpLimits& limits) {
  auto relay = std::make_unique<AsioRelay>(target_port, limits);
  ASSAY_RETURN_IF_ERROR(relay->Listen(address));
  return relay;
}

}  // namespace assay::service
