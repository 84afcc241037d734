#ifndef ASSAY_SERVER_TELEMETRY_CONNECTIONS_COLLECTOR_H_
#define ASSAY_SERVER_TELEMETRY_CONNECTIONS_COLLECTOR_H_

#include <vector>

#include "prometheus/collectable.h"
#include "prometheus/metric_family.h"

namespace assay::telemetry {

// The metrics assay_connections*: of all connections to the gRPC ports of this process, as the
// guard counts them. Every cause is there from the start.
class ConnectionsCollector final : public prometheus::Collectable {
 public:
  std::vector<prometheus::MetricFamily> Collect() const override;
};

}  // namespace assay::telemetry

#endif  // ASSAY_SERVER_TELEMETRY_CONNECTIONS_COLLECTOR_H_
