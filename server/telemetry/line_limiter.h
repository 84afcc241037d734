// How many lines each source may log: whoever sends much must not fill a disk.
#ifndef ASSAY_SERVER_TELEMETRY_LINE_LIMITER_H_
#define ASSAY_SERVER_TELEMETRY_LINE_LIMITER_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "server/base/mutex.h"

namespace assay::telemetry {

// Thread safe. A source may log kBurst lines at once, and then one a second.
class LineLimiter {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr int kBurst = 20;
  // Sources that are remembered; all beyond share one allowance.
  static constexpr size_t kMaxSources = 4096;

  // Unset where `source` may not log a line now, which is then left out. Otherwise how many of its
  // lines were left out since its last one.
  std::optional<int64_t> Admit(absl::string_view source, Time now);

 private:
  struct Allowance {
    double lines = kBurst;
    Time at;
    int64_t left_out = 0;
  };
  Allowance& Of(absl::string_view source, Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Mutex mutex_;
  absl::flat_hash_map<std::string, Allowance> sources_ ABSL_GUARDED_BY(mutex_);
  Allowance others_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace assay::telemetry

#endif  // ASSAY_SERVER_TELEMETRY_LINE_LIMITER_H_
