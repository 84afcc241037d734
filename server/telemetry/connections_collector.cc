#include "server/telemetry/connections_collector.h"

#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "server/guard/connections.h"

namespace assay::telemetry {
namespace {

using prometheus::MetricType;

prometheus::MetricFamily Family(const char* name, const char* help, MetricType type) {
  prometheus::MetricFamily family;
  family.name = name;
  family.help = help;
  family.type = type;
  return family;
}

void Add(absl::string_view cause, int64_t count, prometheus::MetricFamily* family) {
  prometheus::ClientMetric metric;
  metric.label = {{"cause", std::string(cause)}};
  metric.counter.value = static_cast<double>(count);
  family->metric.push_back(std::move(metric));
}

}  // namespace

std::vector<prometheus::MetricFamily> ConnectionsCollector::Collect() const {
  const guard::ConnectionCounts counts = guard::AllConnections().counts();
  auto open = Family("assay_connections", "Open connections to the gRPC ports.", MetricType::Gauge);
  open.metric.emplace_back().gauge.value = static_cast<double>(counts.open);
  auto refused = Family("assay_connections_refused_total",
                        "Connections refused as they came, by what there were too many of.",
                        MetricType::Counter);
  for (int i = 0; i < guard::kRefusals; ++i) {
    const auto refusal = static_cast<guard::Refusal>(i);
    Add(guard::RefusalLabel(refusal), counts.of(refusal), &refused);
  }
  auto cut = Family("assay_connections_cut_total",
                    "Connections cut off, by what they sent too much of.", MetricType::Counter);
  for (int i = 1; i < guard::kCauses; ++i) {
    const auto cause = static_cast<guard::Cause>(i);
    Add(guard::CauseLabel(cause), counts.of(cause), &cut);
  }
  return {std::move(open), std::move(refused), std::move(cut)};
}

}  // namespace assay::telemetry
