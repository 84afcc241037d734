#include "server/telemetry/line_limiter.h"

#include <algorithm>
#include <utility>

namespace assay::telemetry {
namespace {

double Seconds(LineLimiter::Time from, LineLimiter::Time to) {
  return std::chrono::duration<double>(to - from).count();
}

}  // namespace

std::optional<int64_t> LineLimiter::Admit(absl::string_view source, Time now) {
  MutexLock lock(&mutex_);
  Allowance& allowance = Of(source, now);
  allowance.lines =
      std::min<double>(kBurst, allowance.lines + std::max(0.0, Seconds(allowance.at, now)));
  allowance.at = now;
  if (allowance.lines < 1) {
    ++allowance.left_out;
    return std::nullopt;
  }
  --allowance.lines;
  return std::exchange(allowance.left_out, 0);
}

LineLimiter::Allowance& LineLimiter::Of(absl::string_view source, Time now) {
  const auto found = sources_.find(source);
  if (found != sources_.end()) return found->second;
  if (sources_.size() >= kMaxSources) {
    // Those that have their whole allowance again have nothing to be remembered for.
    for (auto it = sources_.begin(); it != sources_.end();) {
      const Allowance& allowance = it->second;
      const bool rested =
          allowance.left_out == 0 && allowance.lines + Seconds(allowance.at, now) >= kBurst;
      const auto current = it++;
      if (rested) sources_.erase(current);
    }
    if (sources_.size() >= kMaxSources) return others_;
  }
  Allowance& allowance = sources_[std::string(source)];
  allowance.at = now;
  return allowance;
}

}  // namespace assay::telemetry
