// gRPC 1.51 has no place where a program could watch a connection's bytes, refuse a connection or
// keep a listener alive that has met EMFILE. It calls the C library and OpenSSL by name, and the
// names of the program come before theirs: these four functions stand in for theirs, do what theirs
// do, and tell Connections.
//
// Only sockets that accept4 gave out are looked at: in this program that is gRPC's listeners alone
// (Asio and civetweb call accept). Whatever else reads or closes a descriptor pays for one load.
#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/guard/connections.h"

namespace assay::guard {
namespace {

// A descriptor at or above this is refused.
constexpr int kMaxDescriptors = 1 << 18;

using Slot = std::atomic<std::shared_ptr<Connection>*>;

// By descriptor. Whoever reads a socket has it open: its entry stays until close.
std::array<Slot, kMaxDescriptors>& Slots() {
  static auto& slots = *new std::array<Slot, kMaxDescriptors>();
  return slots;
}

std::atomic<bool> installed = false;

Slot* SlotOf(int fd) {
  if (!installed.load(std::memory_order_acquire) || fd < 0 || fd >= kMaxDescriptors) return nullptr;
  return &Slots()[static_cast<size_t>(fd)];
}

// Of the connection whose bytes this thread has read last: the one whose TLS record is decrypted
// next.
thread_local std::weak_ptr<Connection> last_read;

// Kept free, to be able to accept and close a connection when there is no other.
std::atomic<int> spare = -1;

int OpenSpare() { return open("/dev/null", O_RDONLY | O_CLOEXEC); }

// As gRPC writes it: ipv4:ADDRESS:PORT, ipv6:%5BADDRESS%5D:PORT, unix:.
std::string PeerOf(const sockaddr_storage& from) {
  char text[INET6_ADDRSTRLEN] = "";
  if (from.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &from, sizeof(v4));
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof(text));
    return absl::StrCat("ipv4:", text, ":", ntohs(v4.sin_port));
  }
  if (from.ss_family != AF_INET6) return "unix:";
  sockaddr_in6 v6{};
  std::memcpy(&v6, &from, sizeof(v6));
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
    inet_ntop(AF_INET, v6.sin6_addr.s6_addr + 12, text, sizeof(text));
    return absl::StrCat("ipv4:", text, ":", ntohs(v6.sin6_port));
  }
  inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof(text));
  return absl::StrCat("ipv6:%5B", text, "%5D:", ntohs(v6.sin6_port));
}

FrameGuard::Time Now() { return std::chrono::steady_clock::now(); }

// Whether the connection is taken.
bool Watch(int fd) {
  Slot* const slot = SlotOf(fd);
  if (slot == nullptr) {
    AllConnections().CountRefused(Refusal::kDescriptors);
    return false;
  }
  sockaddr_storage from{};
  socklen_t size = sizeof(from);
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&from), &size) != 0) return false;
  auto connection = AllConnections().Open(PeerOf(from), Now());
  if (connection == nullptr) return false;
  delete slot->exchange(new std::shared_ptr<Connection>(std::move(connection)),
                        std::memory_order_acq_rel);
  return true;
}

// No descriptor is left: those who wait are told so, one after the other, or they would wait until
// somebody else comes. EAGAIN: nobody waits.
int RefuseWaiting(int listener) {
  static std::mutex& one_at_a_time = *new std::mutex();
  const std::lock_guard<std::mutex> lock(one_at_a_time);
  for (;;) {
    const int kept = spare.exchange(-1);
    if (kept >= 0) syscall(SYS_close, kept);
    const auto fd =
        static_cast<int>(syscall(SYS_accept4, listener, nullptr, nullptr, SOCK_CLOEXEC));
    const int error = errno;
    if (fd >= 0) syscall(SYS_close, fd);
    spare = OpenSpare();
    if (fd < 0) {
      errno = error == EMFILE || error == ENFILE ? EAGAIN : error;
      return -1;
    }
    AllConnections().CountRefused(Refusal::kDescriptors);
  }
}

// Of one TLS connection of a server.
struct TlsFrames {
  std::weak_ptr<Connection> connection;
  FrameGuard frames;
};

void FreeTlsFrames(void* /*ssl*/, void* frames, CRYPTO_EX_DATA* /*data*/, int /*index*/,
                   long /*argl*/, void* /*argp*/) {  // NOLINT(google-runtime-int): OpenSSL's type
  delete static_cast<TlsFrames*>(frames);
}

int TlsIndex() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, &FreeTlsFrames);
  return index;
}

// False: cut it off.
bool TakeDecrypted(SSL* ssl, absl::string_view bytes) {
  auto* tls = static_cast<TlsFrames*>(SSL_get_ex_data(ssl, TlsIndex()));
  if (tls == nullptr) {
    tls = new TlsFrames{last_read, FrameGuard(AllConnections().limits())};
    if (SSL_set_ex_data(ssl, TlsIndex(), tls) != 1) {
      delete tls;
      return false;
    }
  }
  const auto connection = tls->connection.lock();
  // Where it is not known whose it is, the stricter limits are not for it.
  const Standing standing = connection == nullptr ? Standing::kLetIn : connection->standing();
  const bool taken = tls->frames.Take(bytes, Now(), standing);
  if (!taken && connection != nullptr) {
    AllConnections().CutOff(*connection, tls->frames.cause(), Now());
  }
  return taken;
}

using SslRead = int (*)(SSL*, void*, int);
SslRead RealSslRead() {
  static const auto real = reinterpret_cast<SslRead>(dlsym(RTLD_NEXT, "SSL_read"));
  return real;
}

// Why it must be cut off.
Cause TakeRead(Connection& connection, const msghdr& message, ssize_t size) {
  auto left = static_cast<size_t>(size);
  const FrameGuard::Time now = Now();
  for (size_t i = 0; i < message.msg_iovlen && left > 0; ++i) {
    const iovec& part = message.msg_iov[i];
    const size_t here = std::min(left, part.iov_len);
    const Cause cause = connection.Take({static_cast<const char*>(part.iov_base), here}, now);
    if (cause != Cause::kNone) return cause;
    left -= here;
  }
  return Cause::kNone;
}

}  // namespace

void InstallHooks(const service::ConnectionLimits& limits) {
  AllConnections().set_limits(limits);
  Slots();
  TlsIndex();
  RealSslRead();
  if (spare < 0) spare = OpenSpare();
  installed.store(true, std::memory_order_release);
}

}  // namespace assay::guard

extern "C" {

int accept4(int listener, sockaddr* address, socklen_t* size, int flags) {
  using namespace assay::guard;  // NOLINT(google-build-using-namespace): of this function
  for (;;) {
    const auto fd = static_cast<int>(syscall(SYS_accept4, listener, address, size, flags));
    if (!installed.load(std::memory_order_acquire)) return fd;
    if (fd >= 0) {
      if (spare < 0) spare = OpenSpare();
      if (Watch(fd)) return fd;
      syscall(SYS_close, fd);
      continue;
    }
    if (errno != EMFILE && errno != ENFILE) return fd;
    return RefuseWaiting(listener);
  }
}

ssize_t recvmsg(int fd, msghdr* message, int flags) {
  using namespace assay::guard;  // NOLINT(google-build-using-namespace): of this function
  Slot* const slot = SlotOf(fd);
  auto* const known = slot == nullptr ? nullptr : slot->load(std::memory_order_acquire);
  const ssize_t size = syscall(SYS_recvmsg, fd, message, flags);
  if (known == nullptr || size <= 0 || (flags & MSG_ERRQUEUE) != 0) return size;
  Connection& connection = **known;
  const Cause cause = TakeRead(connection, *message, size);
  if (connection.encrypted()) last_read = *known;
  if (cause == Cause::kNone) return size;
  AllConnections().CutOff(connection, cause, Now());
  shutdown(fd, SHUT_RDWR);
  errno = ECONNRESET;
  return -1;
}

int close(int fd) {
  using namespace assay::guard;  // NOLINT(google-build-using-namespace): of this function
  Slot* const slot = SlotOf(fd);
  if (slot != nullptr && slot->load(std::memory_order_relaxed) != nullptr) {
    const std::unique_ptr<std::shared_ptr<Connection>> known(slot->exchange(nullptr));
    if (known != nullptr) AllConnections().Close(**known);
  }
  return static_cast<int>(syscall(SYS_close, fd));
}

int SSL_read(SSL* ssl, void* buffer, int size) {
  using namespace assay::guard;  // NOLINT(google-build-using-namespace): of this function
  const int got = RealSslRead()(ssl, buffer, size);
  if (got <= 0 || !installed.load(std::memory_order_acquire) || SSL_is_server(ssl) == 0) return got;
  if (TakeDecrypted(ssl, {static_cast<const char*>(buffer), static_cast<size_t>(got)})) return got;
  return -1;  // SSL_get_error: neither wants to read nor to write; gRPC closes the connection
}

}  // extern "C"
