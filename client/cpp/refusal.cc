#include "client/cpp/refusal.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"

namespace assay::client {
namespace {

constexpr absl::string_view kForgotten = ": tcp handshaker shutdown";
constexpr int kMilliseconds = 200;

// The error of connecting to an address; 0: it takes a connection, or says nothing for now.
int ErrorOf(const addrinfo& address) {
  const int fd =
      socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, address.ai_protocol);
  if (fd < 0) return errno;
  int error = connect(fd, address.ai_addr, address.ai_addrlen) == 0 ? 0 : errno;
  if (error == EINPROGRESS) {
    pollfd wait{fd, POLLOUT, 0};
    error = 0;
    socklen_t size = sizeof(error);
    if (poll(&wait, 1, kMilliseconds) == 1) getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  }
  close(fd);
  return error;
}

// Of "127.0.0.1:1" or "[::1]:1".
int ErrorOf(absl::string_view address) {
  const size_t colon = address.rfind(':');
  if (colon == absl::string_view::npos) return 0;
  absl::string_view host = address.substr(0, colon);
  const std::string port(address.substr(colon + 1));
  if (absl::ConsumePrefix(&host, "[")) absl::ConsumeSuffix(&host, "]");
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (getaddrinfo(std::string(host).c_str(), port.c_str(), &hints, &found) != 0) return 0;
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, freeaddrinfo);
  return ErrorOf(*found);
}

}  // namespace

std::string WithRefusal(absl::string_view message) {
  absl::string_view known = message;
  if (!absl::ConsumeSuffix(&known, kForgotten)) return std::string(message);
  const size_t begin = known.rfind("ipv");  // ipv4:127.0.0.1:1, ipv6:%5B::1%5D:1
  if (begin == absl::string_view::npos || known.size() < begin + 5) return std::string(message);
  const std::string address =
      absl::StrReplaceAll(known.substr(begin + 5), {{"%5B", "["}, {"%5D", "]"}});
  const int error = ErrorOf(address);
  return error == 0 ? std::string(message) : absl::StrCat(known, ": ", std::strerror(error));
}

}  // namespace assay::client
