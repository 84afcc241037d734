#include "server/telemetry/exposer.h"

#include <exception>
#include <utility>
#include <vector>

#include "CivetServer.h"
#include "absl/strings/str_cat.h"
#include "prometheus/exposer.h"
#include "prometheus/registry.h"
#include "server/base/thread_memory.h"
#include "server/telemetry/connections_collector.h"
#include "server/telemetry/process_collector.h"
#include "server/transport/relay.h"

namespace assay::telemetry {
namespace {

// The default of 2 threads lets four idle connections keep a scrape waiting for 45 s.
constexpr int kThreads = service::kMetricsLimits.max_served + 1;
constexpr int kRequestTimeoutMs = 5000;

struct Callbacks : CivetCallbacks {
  Callbacks() { init_thread = KeepNoFreedMemory; }
};

class ExposerServer final : public MetricsServer {
 public:
  explicit ExposerServer(const Metrics& metrics)
      : registry_(metrics.registry()),
        process_(std::make_shared<ProcessCollector>()),
        connections_(std::make_shared<ConnectionsCollector>()),
        exposer_({"listening_ports", "127.0.0.1:0", "num_threads", absl::StrCat(kThreads),
                  "request_timeout_ms", absl::StrCat(kRequestTimeoutMs), "enable_keep_alive", "no"},
                 &callbacks_) {
    exposer_.RegisterCollectable(registry_);
    exposer_.RegisterCollectable(process_);
    exposer_.RegisterCollectable(connections_);
  }
  absl::Status Listen(const std::string& address) {
    auto relay = service::Relay::Start(address, exposer_.GetListeningPorts().front(),
                                       service::kMetricsLimits);
    if (!relay.ok()) return relay.status();
    relay_ = *std::move(relay);
    return absl::OkStatus();
  }
  int port() const override { return relay_->port(); }

 private:
  const std::shared_ptr<prometheus::Registry> registry_;
  const std::shared_ptr<ProcessCollector> process_;
  const std::shared_ptr<ConnectionsCollector> connections_;
  const Callbacks callbacks_;
  prometheus::Exposer exposer_;
  std::unique_ptr<service::Relay> relay_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<MetricsServer>> MetricsServer::Start(const std::string& address,
                                                                    const Metrics& metrics) {
  try {
    auto server = std::make_unique<ExposerServer>(metrics);
    if (absl::Status listening = server->Listen(address); !listening.ok()) {
      return absl::UnavailableError(
          absl::StrCat("metrics: cannot listen on ", address, ": ", listening.message()));
    }
    return server;
  } catch (const std::exception& e) {
    return absl::UnavailableError(
        absl::StrCat("metrics: cannot listen on ", address, ": ", e.what()));
  }
}

}  // namespace assay::telemetry
