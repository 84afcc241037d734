#include "client/cpp/refusal.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"

namespace assay::client {
namespace {

// A port of this machine, taken while it lives.
class Port {
 public:
  Port() : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(fd_, reinterpret_cast<sockaddr*>(&address_), sizeof(address_));
    socklen_t size = sizeof(address_);
    getsockname(fd_, reinterpret_cast<sockaddr*>(&address_), &size);
  }
  ~Port() { close(fd_); }
  void Listen() const { listen(fd_, 1); }
  std::string address() const { return absl::StrCat("127.0.0.1:", ntohs(address_.sin_port)); }

 private:
  const int fd_;
  sockaddr_in address_{};
};

std::string Said(const std::string& address, const std::string& reason) {
  return absl::StrCat("failed to connect to all addresses; last error: UNKNOWN: ", address, ": ",
                      reason);
}

constexpr const char* kForgotten = "tcp handshaker shutdown";

TEST(Refusal, IsNamedWhereGrpcForgetsIt) {
  const Port port;
  const std::string address = "ipv4:" + port.address();
  EXPECT_EQ(WithRefusal(Said(address, kForgotten)), Said(address, "Connection refused"));
  port.Listen();
  EXPECT_EQ(WithRefusal(Said(address, kForgotten)), Said(address, kForgotten));
}

TEST(Refusal, ReadsAddressesOfIpv6) {
  const std::string address = "ipv6:%5B::1%5D:1";
  const std::string said = WithRefusal(Said(address, kForgotten));
  EXPECT_NE(said, Said(address, kForgotten));  // refused, or no such family on this machine
  EXPECT_EQ(said.find(kForgotten), std::string::npos);
}

TEST(Refusal, LeavesOtherTextsAlone) {
  for (const char* text : {"", "Connection refused", "ipv4:1", ": tcp handshaker shutdown",
                           "ipv4: tcp handshaker shutdown", "ipv4:x: tcp handshaker shutdown",
                           "ipv4:x:y: tcp handshaker shutdown", "unix:/tmp/x: No such file"}) {
    EXPECT_EQ(WithRefusal(text), text);
  }
}

}  // namespace
}  // namespace assay::client
