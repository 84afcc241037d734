#include "server/telemetry/exposer.h"

#include <exception>
#include <utility>
#include <vector>

#include "CivetServer.h"
#include "absl/strings/str_cat.h"
#include "prometheus/exposer.h"
#include "prometheus/registry.h"
#include "server/base/thread_memory.h"
#include "server/telemetry/process_collector.h"

namespace assay::telemetry {
namespace {

// The default of 2 threads lets four idle connections keep a scrape waiting for 45 s.
constexpr int kThreads = 8;
constexpr int kRequestTimeoutMs = 5000;

struct Callbacks : CivetCallbacks {
  Callbacks() { init_thread = KeepNoFreedMemory; }
};

class ExposerServer final : public MetricsServer {
 public:
  ExposerServer(const std::string& address, const Metrics& metrics)
      : registry_(metrics.registry()),
        process_(std::make_shared<ProcessCollector>()),
        exposer_({"listening_ports", address, "num_threads", absl::StrCat(kThreads),
                  "request_timeout_ms", absl::StrCat(kRequestTimeoutMs), "enable_keep_alive", "no"},
                 &callbacks_) {
    exposer_.RegisterCollectable(registry_);
    exposer_.RegisterCollectable(process_);
  }
  int port() const override { return exposer_.GetListeningPorts().front(); }

 private:
  const std::shared_ptr<prometheus::Registry> registry_;
  const std::shared_ptr<ProcessCollector> process_;
  const Callbacks callbacks_;
  prometheus::Exposer exposer_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<MetricsServer>> MetricsServer::Start(const std::string& address,
                                                                    const Metrics& metrics) {
  try {
    return std::make_unique<ExposerServer>(address, metrics);
  } catch (const std::exception& e) {
    return absl::UnavailableError(
        absl::StrCat("--metrics: cannot listen on ", address, ": ", e.what()));
  }
}

}  // namespace assay::telemetry
