#ifndef ASSAY_TESTS_CHAOS_USAGE_SERIES_H_
#define ASSAY_TESTS_CHAOS_USAGE_SERIES_H_

#include <algorithm>
#include <cstddef>
#include <vector>

#include "absl/time/time.h"
#include "tests/chaos/child_server.h"

namespace assay::chaos {

// What the server used, over time.
struct Series {
  std::vector<double> hours;
  std::vector<double> mebibytes;
  std::vector<double> threads;
  std::vector<double> descriptors;
  absl::Duration cpu;

  void Add(absl::Duration since, const Usage& usage) {
    hours.push_back(absl::ToDoubleHours(since));
    mebibytes.push_back(static_cast<double>(usage.resident_bytes) / (1 << 20));
    threads.push_back(usage.threads);
    descriptors.push_back(usage.descriptors);
    cpu = usage.cpu;
  }
  // A fifth of the run, at most 10 minutes.
  size_t WarmUp() const {
    const double end = hours.empty() ? 0 : std::min(hours.back() / 5, 1.0 / 6);
    return static_cast<size_t>(std::lower_bound(hours.begin(), hours.end(), end) - hours.begin());
  }
  static std::vector<double> From(const std::vector<double>& values, size_t first) {
    return {values.begin() + static_cast<std::ptrdiff_t>(first), values.end()};
  }
};

}  // namespace assay::chaos

#endif  // ASSAY_TESTS_CHAOS_USAGE_SERIES_H_
