// Serves the metrics on a port of their own.
#ifndef ASSAY_SERVER_TELEMETRY_EXPOSER_H_
#define ASSAY_SERVER_TELEMETRY_EXPOSER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/telemetry/metrics.h"

namespace assay::telemetry {

class MetricsServer {
 public:
  // Serves /metrics on HOST:PORT; port 0 takes a free one. UNAVAILABLE: the address cannot be
  // bound.
  static absl::StatusOr<std::unique_ptr<MetricsServer>> Start(const std::string& address,
                                                              const Metrics& metrics);
  virtual ~MetricsServer() = default;
  virtual int port() const = 0;
};

}  // namespace assay::telemetry

#endif  // ASSAY_SERVER_TELEMETRY_EXPOSER_H_
