#ifndef ASSAY_SERVER_TELEMETRY_PROCESS_COLLECTOR_H_
#define ASSAY_SERVER_TELEMETRY_PROCESS_COLLECTOR_H_

#include <vector>

#include "prometheus/collectable.h"
#include "prometheus/metric_family.h"

namespace assay::telemetry {

// The metrics process_*, by the names that every Prometheus client library gives them. They are
// read from /proc/self at each scrape.
class ProcessCollector final : public prometheus::Collectable {
 public:
  std::vector<prometheus::MetricFamily> Collect() const override;
};

}  // namespace assay::telemetry

#endif  // ASSAY_SERVER_TELEMETRY_PROCESS_COLLECTOR_H_
