#include "server/runtime/config.h"

#include <algorithm>
#include <fstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/base/status_macros.h"
#include "server/evaluation/evaluators/caller.h"

namespace assay::runtime {
namespace {

constexpr int kMaxWorkers = 1024;
constexpr int kMaxPort = 65535;

// Buffers of the transport, and what is remembered of its caller's answers.
constexpr int64_t kStreamBytes = (256 << 10) + evaluation::CallerLimits().cache_bytes;
// The most that one takes that has sent no request: TLS, with a block of header fields as long as
// it may be that does not end (measured: 240 KiB; 72 where it is idle, and 19 in plaintext).
constexpr int64_t kConnectionBytes = 256 << 10;
constexpr int64_t kMinTransportBytes = int64_t{4} << 20;
constexpr int64_t kBaseBytes = int64_t{100} << 20;

absl::Status Wrong(absl::string_view setting, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(setting, ": ", what));
}

struct Setting {
  absl::string_view name;
  bool (*apply)(const std::string& value, Config* config);
};

constexpr Setting kSettings[] = {
    {"listen", [](const std::string& v, Config* c) { return c->listen = v, true; }},
    {"metrics",
     [](const std::string& v, Config* c) { return c->metrics = v == "none" ? "" : v, true; }},
    {"http", [](const std::string& v, Config* c) { return c->http = v, true; }},
    {"ops", [](const std::string& v, Config* c) { return c->ops = v, true; }},
    {"insecure", [](const std::string& v, Config* c) { return absl::SimpleAtob(v, &c->insecure); }},
    {"workers", [](const std::string& v, Config* c) { return absl::SimpleAtoi(v, &c->workers); }},
    {"grace", [](const std::string& v, Config* c) { return absl::ParseDuration(v, &c->grace); }},
    {"token_file", [](const std::string& v, Config* c) { return c->token_file = v, true; }},
};

constexpr absl::string_view kUnix = "unix:";
constexpr size_t kMaxSocketPath = 107;  // of sockaddr_un, without the byte that ends it

absl::Status CheckSocketPath(absl::string_view setting, absl::string_view path) {
  if (!path.empty() && path.size() <= kMaxSocketPath) return absl::OkStatus();
  return Wrong(setting, absl::StrCat("the path of a Unix socket has 1 to ", kMaxSocketPath,
                                     " bytes, is \"", path, "\""));
}

absl::Status CheckAddress(absl::string_view setting, const std::string& address) {
  absl::string_view path = address;
  if (absl::ConsumePrefix(&path, kUnix)) return CheckSocketPath(setting, path);
  const size_t colon = address.rfind(':');
  int port = -1;
  if (colon == std::string::npos || colon == 0 ||
      !absl::SimpleAtoi(absl::string_view(address).substr(colon + 1), &port) || port < 0 ||
      port > kMaxPort) {
    return Wrong(setting,
                 absl::StrCat("must be HOST:PORT, [IPV6]:PORT or unix:PATH, is \"", address, "\""));
  }
  return absl::OkStatus();
}

absl::Status CheckPlaintext(absl::string_view setting, const std::string& address,
                            const Config& config) {
  if (config.insecure || IsLoopback(address)) return absl::OkStatus();
  return Wrong(setting, absl::StrCat(address,
                                     " would serve plaintext beyond this machine; "
                                     "--insecure allows it"));
}

absl::Status CheckAddresses(const Config& config) {
  ASSAY_RETURN_IF_ERROR(CheckAddress("listen", config.listen));
  if (!config.tls.has_value()) {
    ASSAY_RETURN_IF_ERROR(CheckPlaintext("listen", config.listen, config));
  }
  const std::pair<absl::string_view, const std::string*> others[] = {
      {"metrics", &config.metrics}, {"http", &config.http}, {"ops", &config.ops}};
  for (const auto& [setting, address] : others) {
    if (address->empty()) continue;
    ASSAY_RETURN_IF_ERROR(CheckAddress(setting, *address));
  }
  // Who asks ops needs neither a token nor a certificate: it is for this machine.
  if (!config.ops.empty()) {
    if (absl::Status plain = CheckPlaintext("ops", config.ops, config); !plain.ok()) return plain;
  }
  // Metrics carry no episodes; the gateway does, and has no TLS of its own.
  return config.http.empty() ? absl::OkStatus() : CheckPlaintext("http", config.http, config);
}

absl::Status CheckLimits(const Config& config) {
  const service::SessionConfig& session = config.session;
  const service::Limits& limits = session.limits;
  if (session.max_episodes_in_flight < 1) {
    return Wrong("limits.max_episodes_in_flight", "must be at least 1");
  }
  if (session.max_started < 1) return Wrong("limits.max_started", "must be at least 1");
  if (config.streams.max_streams < 1) return Wrong("limits.max_streams", "must be at least 1");
  if (limits.connections.max_connections < 1) {
    return Wrong("limits.max_connections", "must be at least 1");
  }
  if (limits.max_agents < 1 || limits.max_agents > 64) {
    return Wrong("limits.max_agents", "must be in [1, 64]");
  }
  if (limits.max_messages < 1) return Wrong("limits.max_messages", "must be at least 1");
  // No less than the response that a caller gets by default.
  if (limits.max_transport_bytes < kMinTransportBytes ||
      limits.max_transport_bytes > service::Limits().max_transport_bytes) {
    return Wrong("limits.max_transport_bytes", "must be 4 to 64 MiB");
  }
  if (limits.max_episode_bytes < 1 || limits.max_episode_bytes >= limits.max_transport_bytes) {
    return Wrong("limits.max_episode_bytes", "must be below max_transport_bytes");
  }
  if (session.max_bytes_in_flight < limits.max_episode_bytes) {
    return Wrong("limits.max_bytes_in_flight", "must be at least max_episode_bytes");
  }
  const int64_t needed = std::max(session.max_bytes_in_flight, limits.max_episode_memory());
  if (config.max_bytes < needed) {
    return Wrong("limits.max_bytes",
                 absl::StrCat("must be at least ", needed,
                              ": max_bytes_in_flight, and max_episode_bytes with its messages"));
  }
  if (config.max_episodes < 1) return Wrong("limits.max_episodes", "must be at least 1");
  if (config.streams.max_streams_per_caller < 1 || config.max_per_caller.episodes < 1) {
    return Wrong("limits", "a caller must have at least 1 stream and 1 episode");
  }
  if (config.max_per_caller.bytes < limits.max_episode_memory()) {
    return Wrong("limits.max_bytes_per_caller",
                 absl::StrCat("must be at least ", limits.max_episode_memory(),
                              ": max_episode_bytes with its messages"));
  }
  if (session.max_age <= absl::ZeroDuration()) {
    return Wrong("limits.max_stream_age", "must be positive");
  }
  if (session.write_stall <= absl::ZeroDuration()) {
    return Wrong("limits.write_stall", "must be positive");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ApplySetting(absl::string_view name, absl::string_view value, Config* config) {
  for (const Setting& setting : kSettings) {
    if (setting.name != name) continue;
    if (setting.apply(std::string(value), config)) return absl::OkStatus();
    return Wrong(name, absl::StrCat("cannot be \"", value, "\""));
  }
  return Wrong(name, "no such setting");
}

std::vector<absl::string_view> SettingNames() {
  std::vector<absl::string_view> names;
  for (const Setting& setting : kSettings) names.push_back(setting.name);
  return names;
}

bool IsLoopback(absl::string_view address) {
  if (absl::StartsWith(address, kUnix)) return true;
  const absl::string_view host = address.substr(0, address.rfind(':'));
  return host == "localhost" || host == "[::1]" || absl::StartsWith(host, "127.");
}

std::vector<std::string> IdleSettings(const Config& config) {
  const Config unset;
  std::vector<std::string> idle;
  const auto say = [&idle](bool is_idle, absl::string_view setting, absl::string_view why) {
    if (is_idle) idle.push_back(absl::StrCat(setting, ": has no effect: ", why));
  };
  const bool plaintext = (!config.tls.has_value() && !IsLoopback(config.listen)) ||
                         !(config.http.empty() || IsLoopback(config.http));
  say(config.insecure && !plaintext, "insecure", "nothing is served in plaintext beyond loopback");
  const auto above = [&say](int64_t value, int64_t by_default, int64_t limit,
                            absl::string_view setting, absl::string_view other) {
    say(value != by_default && value > limit, absl::StrCat("limits.", setting),
        absl::StrCat("limits.", other, " is smaller, ", limit));
  };
  above(config.session.max_episodes_in_flight, unset.session.max_episodes_in_flight,
        config.max_episodes, "max_episodes_in_flight", "max_episodes");
  above(config.session.max_started, unset.session.max_started,
        config.session.max_episodes_in_flight, "max_started", "max_episodes_in_flight");
  above(config.streams.max_streams_per_caller, unset.streams.max_streams_per_caller,
        config.streams.max_streams, "max_streams_per_caller", "max_streams");
  above(config.max_per_caller.episodes, unset.max_per_caller.episodes, config.max_episodes,
        "max_episodes_per_caller", "max_episodes");
  above(config.max_per_caller.bytes, unset.max_per_caller.bytes, config.max_bytes,
        "max_bytes_per_caller", "max_bytes");
  return idle;
}

int64_t MemoryBound(const Config& config) {
  return 3 * config.max_bytes + config.streams.max_streams * kStreamBytes +
         config.session.limits.connections.max_connections * kConnectionBytes +
         config.evaluators.cache_bytes() + kBaseBytes;
}

absl::Status CheckConfig(const Config& config) {
  ASSAY_RETURN_IF_ERROR(CheckAddresses(config));
  if (config.tls.has_value()) {
    if (config.tls->cert_file.empty() || config.tls->key_file.empty()) {
      return Wrong("tls", "needs cert_file and key_file");
    }
    if (!config.tls->allowed_names.empty() && config.tls->client_ca_file.empty()) {
      return Wrong("tls.allowed_names", "needs client_ca_file");
    }
    for (const std::string& file :
         {config.tls->cert_file, config.tls->key_file, config.tls->client_ca_file}) {
      if (!file.empty() && !std::ifstream(file)) return Wrong("tls", "cannot read " + file);
    }
  }
  if (!config.token_file.empty() && !std::ifstream(config.token_file)) {
    return Wrong("token_file", "cannot read " + config.token_file);
  }
  if (config.workers < 0 || config.workers > kMaxWorkers) {
    return Wrong("workers", absl::StrCat("must be in [0, ", kMaxWorkers, "]"));
  }
  if (config.grace < absl::ZeroDuration()) return Wrong("grace", "must not be negative");
  return CheckLimits(config);
}

}  // namespace assay::runtime
