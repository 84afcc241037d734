// What the operator decides. Every default is in here.
#ifndef ASSAY_SERVER_RUNTIME_CONFIG_H_
#define ASSAY_SERVER_RUNTIME_CONFIG_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/evaluation/judge.h"
#include "server/evaluation/remote.h"
#include "server/service/signal_service.h"
#include "server/service/stream_session.h"

namespace assay::runtime {

struct Config {
  std::string listen = "127.0.0.1:50051";  // HOST:PORT; port 0 takes a free one
  std::string metrics = "127.0.0.1:9464";  // empty: no metrics port
  std::string http;                        // empty: no HTTP gateway
  bool insecure = false;                   // plaintext beyond loopback is meant
  int workers = 0;                         // 0: one a core

  service::SessionConfig session;
  service::SignalServiceConfig streams;
  // Over all streams and calls.
  int64_t max_episodes = 65'536;
  int64_t max_bytes = int64_t{1} << 30;
  // Evaluators that options may name.
  std::vector<evaluation::RemoteOptions> remotes;
  std::vector<evaluation::JudgeOptions> judges;
  // From SIGTERM to the end, at most.
  absl::Duration grace = absl::Seconds(30);
};

// INVALID_ARGUMENT with the setting's name: something is missing, out of range, or would serve
// plaintext to the network without being told to.
absl::Status CheckConfig(const Config& config);

// True for HOST:PORT with a host that only this machine can reach.
bool IsLoopback(const std::string& address);

}  // namespace assay::runtime

#endif  // ASSAY_SERVER_RUNTIME_CONFIG_H_
