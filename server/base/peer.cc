#include "server/base/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace assay {
namespace {

constexpr size_t kNetworkBytes = 8;  // of an IPv6 /64
constexpr size_t kV4Offset = 12;     // of an IPv4 address that is mapped into IPv6

}  // namespace

std::string NetworkOf(absl::string_view peer) {
  absl::string_view host = peer.substr(0, peer.rfind(':'));
  if (!absl::ConsumePrefix(&host, "ipv6:")) return std::string(host);
  if (!absl::ConsumePrefix(&host, "%5B")) absl::ConsumePrefix(&host, "[");
  host = host.substr(0, host.find_first_of("%]"));  // without the bracket's end, or an interface
  in6_addr address{};
  if (inet_pton(AF_INET6, std::string(host).c_str(), &address) != 1) {
    return absl::StrCat("ipv6:", host);
  }
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (IN6_IS_ADDR_V4MAPPED(&address)) {
    inet_ntop(AF_INET, address.s6_addr + kV4Offset, text.data(), text.size());
    return absl::StrCat("ipv4:", text.data());
  }
  std::memset(address.s6_addr + kNetworkBytes, 0, sizeof(address) - kNetworkBytes);
  inet_ntop(AF_INET6, &address, text.data(), text.size());
  return absl::StrCat("ipv6:", text.data(), "/64");
}

}  // namespace assay
