#include "server/runtime/probe.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <netdb.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <future>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"

namespace assay::runtime {
namespace {

constexpr absl::string_view kUnix = "unix:";
constexpr char kService[] = "assay.v1.SignalService";
constexpr char kSettingsFrame = 4;  // the type of the first frame that a server sends (RFC 9113)
constexpr absl::string_view kPreface("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33);

// An address that a client of this machine connects to.
std::string Reachable(const std::string& address) {
  const size_t colon = address.rfind(':');
  const std::string host = address.substr(0, colon);
  if (host == "0.0.0.0" || host == "[::]" || host == "*")
    return "127.0.0.1" + address.substr(colon);
  return address;
}

// A socket that is closed at its end.
class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int fd() const { return fd_; }

 private:
  const int fd_;
};

bool ConnectTo(int fd, const sockaddr* to, socklen_t size, absl::Duration timeout) {
  const timeval limit = absl::ToTimeval(timeout);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
  return connect(fd, to, size) == 0;
}

std::unique_ptr<Socket> Connect(const std::string& address, absl::Duration timeout) {
  absl::string_view path = address;
  if (absl::ConsumePrefix(&path, kUnix)) {
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    path.copy(to.sun_path, sizeof(to.sun_path) - 1);
    auto made = std::make_unique<Socket>(socket(AF_UNIX, SOCK_STREAM, 0));
    if (!ConnectTo(made->fd(), reinterpret_cast<sockaddr*>(&to), sizeof(to), timeout))
      return nullptr;
    return made;
  }
  const size_t colon = address.rfind(':');
  absl::string_view host = absl::string_view(address).substr(0, colon);
  if (absl::ConsumePrefix(&host, "[")) absl::ConsumeSuffix(&host, "]");
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(std::string(host).c_str(), address.c_str() + colon + 1, &hints, &found) != 0) {
    return nullptr;
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> addresses(found, &freeaddrinfo);
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    auto made = std::make_unique<Socket>(socket(at->ai_family, SOCK_STREAM, 0));
    if (ConnectTo(made->fd(), at->ai_addr, at->ai_addrlen, timeout)) return made;
  }
  return nullptr;
}

bool SpeaksTls(int fd) {
  const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context(SSL_CTX_new(TLS_client_method()),
                                                             &SSL_CTX_free);
  const std::unique_ptr<SSL, void (*)(SSL*)> ssl(SSL_new(context.get()), &SSL_free);
  static constexpr std::array<unsigned char, 3> kH2 = {2, 'h', '2'};
  SSL_set_alpn_protos(ssl.get(), kH2.data(), kH2.size());
  SSL_set_fd(ssl.get(), fd);
  return SSL_connect(ssl.get()) == 1;
}

bool SpeaksHttp2(int fd) {
  if (send(fd, kPreface.data(), kPreface.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(kPreface.size())) {
    return false;
  }
  std::array<char, 9> head{};
  size_t got = 0;
  while (got < head.size()) {
    const ssize_t n = recv(fd, head.data() + got, head.size() - got, 0);
    if (n <= 0) return false;
    got += static_cast<size_t>(n);
  }
  return head[3] == kSettingsFrame;
}

absl::Status ProbeLive(const Config& config, absl::Duration timeout) {
  const auto socket = Connect(Reachable(config.listen), timeout);
  if (socket == nullptr) return absl::UnavailableError("listen: does not accept");
  const bool speaks = config.tls.has_value() ? SpeaksTls(socket->fd()) : SpeaksHttp2(socket->fd());
  return speaks ? absl::OkStatus() : absl::UnavailableError("listen: accepts and does not speak");
}

// grpc.health.v1: a request is the service's name as field 1, an answer the status as field 1.
absl::Status ProbeHealth(const std::string& address, absl::Duration timeout) {
  const std::string named = absl::StrCat("\n", std::string(1, sizeof(kService) - 1), kService);
  grpc::Slice slice(named);
  const grpc::ByteBuffer request(&slice, 1);
  grpc::ByteBuffer answer;
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
  std::promise<grpc::Status> done;
  grpc::GenericStub stub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
  stub.UnaryCall(&context, "/grpc.health.v1.Health/Check", grpc::StubOptions(), &request, &answer,
                 [&done](const grpc::Status& status) { done.set_value(status); });
  const grpc::Status status = done.get_future().get();
  if (!status.ok()) {
    return absl::UnavailableError(absl::StrCat("health: ", status.error_message()));
  }
  grpc::Slice whole;
  constexpr absl::string_view kServing = "\x08\x01";
  const bool serving = answer.DumpToSingleSlice(&whole).ok() && whole.size() == kServing.size() &&
                       std::memcmp(whole.begin(), kServing.data(), whole.size()) == 0;
  return serving ? absl::OkStatus() : absl::UnavailableError("health: not serving");
}

}  // namespace

absl::Status Probe(absl::string_view what, const Config& config, absl::Duration timeout) {
  if (what != "live" && what != "ready") {
    return absl::InvalidArgumentError("probe: must be live or ready");
  }
  absl::Status status = ProbeLive(config, timeout);
  if (!status.ok() || what == "live") return status;
  if (!config.ops.empty()) return ProbeHealth(Reachable(config.ops), timeout);
  return config.tls.has_value() ? absl::OkStatus() : ProbeHealth(Reachable(config.listen), timeout);
}

}  // namespace assay::runtime
