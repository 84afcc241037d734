// The configuration of a server with all its defaults, and how settings are put on top of them.
#ifndef ASSAY_SERVER_RUNTIME_CONFIG_H_
#define ASSAY_SERVER_RUNTIME_CONFIG_H_

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "assay/v1/options.pb.h"
#include "server/evaluation/registry.h"
#include "server/session/stream_session.h"
#include "server/transport/signal_service.h"

namespace assay::runtime {

struct Tls {
  std::string cert_file;
  std::string key_file;
  std::string client_ca_file;              // empty: clients need no certificate
  std::vector<std::string> allowed_names;  // empty: any
};

struct Config {
  std::string listen = "127.0.0.1:50051";  // HOST:PORT; port 0 takes a free one
  std::string metrics = "127.0.0.1:9464";  // empty: none
  std::string http;                        // empty: none
  std::string ops;                         // empty: none
  bool insecure = false;                   // plaintext beyond loopback is meant
  int workers = 0;                         // 0: one a core
  absl::Duration grace = absl::Seconds(30);
  std::optional<Tls> tls;
  std::string token_file;  // empty: no token is asked

  service::SessionConfig session;
  service::SignalServiceConfig streams;
  // Over all streams and calls.
  int64_t max_episodes = 65'536;
  int64_t max_bytes = int64_t{1} << 30;
  // How much of that one caller may have. By default it may have all of it.
  service::Load max_per_caller = {std::numeric_limits<int64_t>::max() / 2,
                                  std::numeric_limits<int64_t>::max() / 2};

  evaluation::EvaluatorRegistry evaluators;
  std::map<std::string, v1::FittedPrior> priors;
};

// Applies one setting as an environment variable or a flag gives it: listen, metrics, http, ops,
// insecure, workers, grace or token_file. INVALID_ARGUMENT: there is no such setting, or the value
// is not of its type.
absl::Status ApplySetting(absl::string_view name, absl::string_view value, Config* config);
// The settings that ApplySetting knows; each is an environment variable ASSAY_NAME and a flag
// --name.
std::vector<absl::string_view> SettingNames();

// INVALID_ARGUMENT with the setting's name: something is missing, out of range, or would serve
// plaintext to the network without being told to.
absl::Status CheckConfig(const Config& config);

// The settings of a valid configuration that differ from their defaults and cannot have an effect,
// each with the reason. They are reported but not refused, because files are shared between
// servers.
std::vector<std::string> IdleSettings(const Config& config);

// Bytes that the server's memory stays below, by the formula of LimitsConfig (server_config.proto).
int64_t MemoryBound(const Config& config);

// True for HOST:PORT with a host that only this machine can reach, and for a Unix socket.
bool IsLoopback(absl::string_view address);

}  // namespace assay::runtime

#endif  // ASSAY_SERVER_RUNTIME_CONFIG_H_
