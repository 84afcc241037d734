#include "client/cpp/target.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <iterator>
#include <optional>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace assay::client {
namespace {

// What gRPC says, by the moment it happens, where the server closes the connection before its first
// frame. In TLS 1.3 our handshake is over by then, and the alert that names the certificate can be
// lost with the connection.
constexpr absl::string_view kClosedFirst[] = {"Endpoint read failed", "Connection reset by peer",
                                              "Broken pipe"};

// gRPC takes the first of them that is set, and none where that is empty or no http:// address.
constexpr const char* kProxies[] = {"grpc_proxy", "https_proxy", "http_proxy"};
// Likewise the ends of names of hosts to which no proxy is taken.
constexpr const char* kExceptions[] = {"no_grpc_proxy", "no_proxy"};

struct Variable {
  absl::string_view name, value;
};

template <size_t n>
std::optional<Variable> FirstSet(const char* const (&names)[n]) {
  for (const char* name : names) {
    if (const char* value = std::getenv(name); value != nullptr) return Variable{name, value};
  }
  return std::nullopt;
}

// The hosts of a target in lower case; none where it is a socket of this machine.
std::vector<std::string> HostsOf(absl::string_view target) {
  if (absl::StartsWith(target, "unix:") || absl::StartsWith(target, "unix-abstract:")) return {};
  for (const char* scheme : {"dns:", "ipv4:", "ipv6:"}) {
    if (!absl::ConsumePrefix(&target, scheme)) continue;
    if (absl::ConsumePrefix(&target, "//")) {  // a name server, or none
      target.remove_prefix(std::min(target.size(), target.find('/') + 1));
    }
    break;
  }
  std::vector<std::string> hosts;
  for (absl::string_view host : absl::StrSplit(target, ',')) {
    if (absl::ConsumePrefix(&host, "[")) {
      host = host.substr(0, host.find(']'));
    } else if (std::count(host.begin(), host.end(), ':') == 1) {
      host = host.substr(0, host.find(':'));
    }
    absl::ConsumeSuffix(&host, ".");
    hosts.push_back(absl::AsciiStrToLower(host));
  }
  return hosts;
}

bool IsLoopback(in_addr_t address) {
  const in_addr_t host_order = ntohl(address);
  return host_order >> 24 == 127 || host_order == 0;
}

bool IsLoopback(const std::string& host) {
  if (host == "localhost" || absl::EndsWith(host, ".localhost")) return true;
  in6_addr six{};
  if (inet_pton(AF_INET6, host.c_str(), &six) == 1) {
    if (!IN6_IS_ADDR_V4MAPPED(&six))
      return IN6_IS_ADDR_LOOPBACK(&six) || IN6_IS_ADDR_UNSPECIFIED(&six);
    in_addr_t four = 0;
    std::copy_n(six.s6_addr + 12, sizeof(four), reinterpret_cast<unsigned char*>(&four));
    return IsLoopback(four);
  }
  in_addr four{};
  return !absl::StrContains(host, ' ') && inet_aton(host.c_str(), &four) == 1 &&
         IsLoopback(four.s_addr);
}

bool IsExcepted(absl::string_view host) {
  const std::optional<Variable> exceptions = FirstSet(kExceptions);
  if (!exceptions.has_value()) return false;
  for (absl::string_view end : absl::StrSplit(exceptions->value, ',')) {
    end = absl::StripAsciiWhitespace(end);
    if (!end.empty() && absl::EndsWithIgnoreCase(host, end)) return true;
  }
  return false;
}

}  // namespace

bool IsLocal(absl::string_view target) {
  const std::vector<std::string> hosts = HostsOf(target);
  return std::all_of(hosts.begin(), hosts.end(),
                     [](const std::string& host) { return IsLoopback(host); });
}

std::string ProxyOf(absl::string_view target) {
  if (IsLocal(target) || IsExcepted(HostsOf(target).front())) return "";
  std::optional<Variable> proxy = FirstSet(kProxies);
  if (!proxy.has_value() || !absl::ConsumePrefix(&proxy->value, "http://")) return "";
  const size_t password = proxy->value.rfind('@');
  if (password != absl::string_view::npos) proxy->value.remove_prefix(password + 1);
  return absl::StrCat(proxy->name, "=", proxy->value);
}

absl::Status Explained(const absl::Status& status, absl::string_view target) {
  if (target.empty() || !(absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status))) {
    return status;
  }
  const std::string proxy = ProxyOf(target);
  const bool closed = std::any_of(
      std::begin(kClosedFirst), std::end(kClosedFirst),
      [&](absl::string_view said) { return absl::StrContains(status.message(), said); });
  return {status.code(),
          absl::StrCat("the server at ", target, " cannot be reached",
                       proxy.empty() ? "" : " through the proxy of ", proxy, ": ",
                       closed ? "it closed the connection before it answered, as one does that "
                                "refuses our certificate or misses it: "
                              : "",
                       status.message())};
}

}  // namespace assay::client
