#include "server/runtime/config.h"

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace assay::runtime {
namespace {

constexpr int kMaxWorkers = 1024;
constexpr int kMaxPort = 65535;

absl::Status Wrong(absl::string_view setting, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(setting, ": ", what));
}

absl::Status CheckAddress(absl::string_view setting, const std::string& address) {
  const size_t colon = address.rfind(':');
  int port = -1;
  if (colon == std::string::npos || colon == 0 ||
      !absl::SimpleAtoi(absl::string_view(address).substr(colon + 1), &port) || port < 0 ||
      port > kMaxPort) {
    return Wrong(setting, absl::StrCat("must be HOST:PORT, is \"", address, "\""));
  }
  return absl::OkStatus();
}

}  // namespace

bool IsLoopback(const std::string& address) {
  const absl::string_view host = absl::string_view(address).substr(0, address.rfind(':'));
  return host == "localhost" || host == "[::1]" || absl::StartsWith(host, "127.");
}

absl::Status CheckConfig(const Config& config) {
  const struct {
    const char* setting;
    const std::string& address;
  } ports[] = {{"listen", config.listen}, {"metrics", config.metrics}, {"http", config.http}};
  for (const auto& port : ports) {
    if (port.address.empty() && port.setting != std::string("listen")) continue;
    if (absl::Status address = CheckAddress(port.setting, port.address); !address.ok()) {
      return address;
    }
    const bool metrics = port.setting == std::string("metrics");
    if (!metrics && !config.insecure && !IsLoopback(port.address)) {
      return Wrong(port.setting, absl::StrCat(port.address,
                                              " would serve plaintext beyond this machine; "
                                              "--insecure allows it"));
    }
  }
  if (config.workers < 0 || config.workers > kMaxWorkers) {
    return Wrong("workers", absl::StrCat("must be in [0, ", kMaxWorkers, "]"));
  }
  const service::SessionConfig& session = config.session;
  if (session.max_episodes_in_flight < 1) {
    return Wrong("max_episodes_in_flight", "must be at least 1");
  }
  if (session.max_bytes_in_flight < session.limits.max_episode_bytes) {
    return Wrong("max_bytes_in_flight", "must be at least max_episode_bytes");
  }
  if (session.limits.max_transport_bytes <= session.limits.max_episode_bytes) {
    return Wrong("max_transport_bytes", "must be above max_episode_bytes");
  }
  if (config.max_bytes < session.max_bytes_in_flight) {
    return Wrong("max_bytes", "must be at least max_bytes_in_flight");
  }
  if (config.grace < absl::ZeroDuration()) return Wrong("grace", "must not be negative");
  return absl::OkStatus();
}

}  // namespace assay::runtime
