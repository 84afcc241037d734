#include "tests/chaos/tcp_proxy.h"

#include <array>
#include <asio.hpp>
#include <atomic>
#include <set>
#include <thread>
#include <utility>

namespace assay::chaos {
namespace {

using asio::ip::tcp;

constexpr std::chrono::milliseconds kLookWhileStalled{10};

struct Settings {
  std::atomic<TcpProxy::Mode> mode{TcpProxy::Mode::kForward};
  std::atomic<bool> stalled{false};
  std::atomic<int64_t> delay_ns{0};
  std::atomic<int> piece{0};
  std::atomic<int64_t> cut_after{0};
};

class Link : public std::enable_shared_from_this<Link> {
 public:
  Link(tcp::socket client, const Settings& settings)
      : settings_(settings),
        client_(std::move(client)),
        upstream_(client_.get_executor()),
        forth_(client_, upstream_),
        back_(upstream_, client_) {}

  void Start(int upstream_port) {
    upstream_.async_connect(
        {asio::ip::address_v4::loopback(), static_cast<asio::ip::port_type>(upstream_port)},
        [self = shared_from_this()](const asio::error_code& error) {
          if (error) {
            self->Close();
            return;
          }
          self->Read(self->forth_);
          self->Read(self->back_);
        });
  }

  void Close() {
    asio::error_code ignored;
    for (tcp::socket* socket : {&client_, &upstream_}) {
      socket->set_option(asio::socket_base::linger(true, 0), ignored);  // a reset, not an end
      socket->close(ignored);
    }
  }
  bool open() const { return client_.is_open(); }

  // The upstream hears an end; what the client still says is lost.
  void HalfClose() { End(forth_); }

 private:
  struct Way {
    Way(tcp::socket& from_socket, tcp::socket& to_socket)
        : from(from_socket), to(to_socket), timer(from_socket.get_executor()) {}
    tcp::socket& from;
    tcp::socket& to;
    asio::steady_timer timer;
    std::array<char, 16384> buffer;
    bool ended = false;  // `to` has heard the end
  };

  void Read(Way& way) {
    const int piece = settings_.piece;
    const size_t most = piece > 0 ? std::min<size_t>(static_cast<size_t>(piece), way.buffer.size())
                                  : way.buffer.size();
    way.from.async_read_some(
        asio::buffer(way.buffer.data(), most),
        [self = shared_from_this(), &way](const asio::error_code& error, size_t size) {
          if (error == asio::error::eof) {
            self->End(way);
          } else if (error) {
            self->Close();
          } else {
            self->Pass(way, size, self->settings_.delay_ns);
          }
        });
  }

  void Pass(Way& way, size_t size, int64_t delay_ns) {
    way.timer.expires_after(std::chrono::nanoseconds(delay_ns));
    way.timer.async_wait([self = shared_from_this(), &way, size](const asio::error_code&) {
      if (self->settings_.stalled && self->open()) {
        self->Pass(way, size, std::chrono::nanoseconds(kLookWhileStalled).count());
      } else {
        self->Write(way, size);
      }
    });
  }

  void Write(Way& way, size_t size) {
    if (&way == &back_) returned_ += static_cast<int64_t>(size);
    const int64_t cut = settings_.cut_after;
    if (cut > 0 && returned_ > cut) {
      Close();
      return;
    }
    if (way.ended) {
      Read(way);
      return;
    }
    asio::async_write(way.to, asio::buffer(way.buffer.data(), size),
                      [self = shared_from_this(), &way](const asio::error_code& error, size_t) {
                        if (error) {
                          self->Close();
                        } else {
                          self->Read(way);
                        }
                      });
  }

  // Hands an end on; the other way stays open.
  void End(Way& way) {
    way.ended = true;
    asio::error_code gone;
    way.to.shutdown(tcp::socket::shutdown_send, gone);
    if (gone || (forth_.ended && back_.ended)) Close();
  }

  const Settings& settings_;
  tcp::socket client_;
  tcp::socket upstream_;
  Way forth_;
  Way back_;
  int64_t returned_ = 0;
};

}  // namespace

class TcpProxy::Impl {
 public:
  explicit Impl(int upstream_port)
      : upstream_port_(upstream_port),
        acceptor_(io_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
        port_(acceptor_.local_endpoint().port()) {
    Accept();
    thread_ = std::thread([this] { io_.run(); });
  }
  ~Impl() {
    asio::post(io_, [this] {
      acceptor_.close();
      CloseAll();
    });
    thread_.join();
  }

  void DropConnections() {
    asio::post(io_, [this] { CloseAll(); });
  }
  void HalfClose() {
    asio::post(io_, [this] {
      for (const auto& link : links_) link->HalfClose();
    });
  }

  Settings settings;
  std::atomic<int> connections{0};
  int port() const { return port_; }

 private:
  void Accept() {
    acceptor_.async_accept([this](const asio::error_code& error, tcp::socket socket) {
      if (error) return;
      const Mode mode = settings.mode;
      std::erase_if(links_, [](const auto& link) { return !link->open(); });
      if (mode != Mode::kRefuse) {
        ++connections;
        auto link = std::make_shared<Link>(std::move(socket), settings);
        links_.insert(link);
        if (mode == Mode::kForward) link->Start(upstream_port_);
      }
      Accept();
    });
  }

  void CloseAll() {
    for (const auto& link : links_) link->Close();
    links_.clear();
  }

  const int upstream_port_;
  asio::io_context io_;
  tcp::acceptor acceptor_;
  const int port_;
  std::set<std::shared_ptr<Link>> links_;  // of the thread
  std::thread thread_;
};

TcpProxy::TcpProxy(int upstream_port) : impl_(std::make_unique<Impl>(upstream_port)) {}
TcpProxy::~TcpProxy() = default;
int TcpProxy::port() const { return impl_->port(); }
void TcpProxy::SetMode(Mode mode) { impl_->settings.mode = mode; }
void TcpProxy::SetDelay(absl::Duration delay) {
  impl_->settings.delay_ns = absl::ToInt64Nanoseconds(delay);
}
void TcpProxy::SetPiece(int bytes) { impl_->settings.piece = bytes; }
void TcpProxy::CutAfter(int64_t bytes) { impl_->settings.cut_after = bytes; }
void TcpProxy::SetStalled(bool stalled) { impl_->settings.stalled = stalled; }
void TcpProxy::HalfClose() { impl_->HalfClose(); }
void TcpProxy::DropConnections() { impl_->DropConnections(); }
int TcpProxy::connections() const { return impl_->connections; }

}  // namespace assay::chaos
