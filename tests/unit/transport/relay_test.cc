#include "server/transport/relay.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"

namespace assay::service {
namespace {

// Sends back what it gets, on a port of 127.0.0.1, for one connection.
class Echo {
 public:
  Echo() : listener_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(listener_, 1), 0);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] {
      const int peer = accept(listener_, nullptr, nullptr);
      char buffer[4096];
      for (ssize_t n; (n = read(peer, buffer, sizeof(buffer))) > 0;) {
        for (ssize_t sent = 0; sent < n;) sent += write(peer, buffer + sent, n - sent);
      }
      close(peer);
    });
  }
  ~Echo() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }
  int port() const { return port_; }

 private:
  const int listener_;
  int port_ = 0;
  std::thread thread_;
};

std::string Exchange(int family, const sockaddr* address, socklen_t size, const std::string& text) {
  const int peer = socket(family, SOCK_STREAM, 0);
  EXPECT_EQ(connect(peer, address, size), 0);
  std::thread writer([&] {
    for (size_t sent = 0; sent < text.size();) {
      const ssize_t n = write(peer, text.data() + sent, text.size() - sent);
      if (n <= 0) break;
      sent += static_cast<size_t>(n);
    }
    shutdown(peer, SHUT_WR);
  });
  std::string got;
  char buffer[4096];
  for (ssize_t n; (n = read(peer, buffer, sizeof(buffer))) > 0;) got.append(buffer, n);
  writer.join();
  close(peer);
  return got;
}

const std::string& Text() {
  static const std::string* const kText = [] {
    auto* text = new std::string("POST / HTTP/1.1\r\n\r\n");
    while (text->size() < 300'000) absl::StrAppend(text, text->size(), " ");
    return text;
  }();
  return *kText;
}

TEST(Relay, CarriesEveryByteOverAUnixSocket) {
  const std::string path =
      (std::filesystem::temp_directory_path() / absl::StrCat("assay-relay-", getpid())).string();
  Echo echo;
  {
    const auto relay = Relay::Start("unix:" + path, echo.port(), {});
    ASSERT_TRUE(relay.ok()) << relay.status();
    EXPECT_FALSE(Relay::Start("unix:" + path, echo.port(), {}).ok()) << "one is enough";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    EXPECT_EQ(Exchange(AF_UNIX, reinterpret_cast<sockaddr*>(&address), sizeof(address), Text()),
              Text());
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Relay, CarriesEveryByteOverIpv6) {
  Echo echo;
  const auto relay = Relay::Start("[::1]:0", echo.port(), {});
  if (!relay.ok()) GTEST_SKIP() << "skipped: this machine has no IPv6: " << relay.status();
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  address.sin6_port = htons(static_cast<uint16_t>((*relay)->port()));
  EXPECT_EQ(Exchange(AF_INET6, reinterpret_cast<sockaddr*>(&address), sizeof(address), Text()),
            Text());
  EXPECT_FALSE(Relay::Start(absl::StrCat("[::1]:", (*relay)->port()), echo.port(), {}).ok());
}

int Connect(int port) {
  const int peer = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(connect(peer, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  return peer;
}

// Until the other side closes.
std::string ReadAll(int peer) {
  std::string got;
  char buffer[4096];
  for (ssize_t n; (n = read(peer, buffer, sizeof(buffer))) > 0;) got.append(buffer, n);
  return got;
}

TEST(Relay, WhoSendsNoHeadIsNotCarriedOnAndClosedInTime) {
  Echo echo;
  HttpLimits limits;
  limits.head_time = absl::Milliseconds(200);
  limits.max_head_bytes = 1024;
  const auto relay = Relay::Start("127.0.0.1:0", echo.port(), limits);
  ASSERT_TRUE(relay.ok()) << relay.status();
  const int silent = Connect((*relay)->port());
  const int endless = Connect((*relay)->port());
  const std::string line = "GET / HTTP/1.1\r\nX: " + std::string(2000, 'x');
  EXPECT_EQ(write(endless, line.data(), line.size()), static_cast<ssize_t>(line.size()));
  EXPECT_EQ(ReadAll(endless), "");
  EXPECT_EQ(ReadAll(silent), "");
  close(silent);
  close(endless);
  // The target's one connection is still to be had.
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>((*relay)->port()));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(Exchange(AF_INET, reinterpret_cast<sockaddr*>(&address), sizeof(address), Text()),
            Text());
}

TEST(Relay, OnePeerHasAtMostHalfOfTheConnections) {
  Echo echo;
  HttpLimits limits;
  limits.max_connections = 4;
  limits.head_time = absl::Seconds(60);
  const auto relay = Relay::Start("127.0.0.1:0", echo.port(), limits);
  ASSERT_TRUE(relay.ok()) << relay.status();
  const int first = Connect((*relay)->port());
  const int second = Connect((*relay)->port());
  const int third = Connect((*relay)->port());
  EXPECT_EQ(ReadAll(third), "") << "closed at once";
  close(first);
  close(second);
  close(third);
  const int last = Connect(echo.port());  // the echo ends with its one connection
  close(last);
}

}  // namespace
}  // namespace assay::service
