#include "server/engine/rest.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "server/base/retry_after.h"

namespace assay::engine {
namespace {

constexpr absl::Duration kFirst = absl::Milliseconds(50);
constexpr absl::Duration kLongest = absl::Seconds(2);
constexpr int kMostOfTheTimeLeft = 8;

}  // namespace

absl::Duration Rests::After(const evaluation::Answers& answers, absl::Duration left) {
  size_t failed = 0;
  absl::Duration told;
  for (const signals::Answer& answer : answers) {
    if (answer.error.ok()) continue;
    ++failed;
    told = std::max(told, RetryAfter(answer.error).value_or(absl::ZeroDuration()));
  }
  failed_rounds_ = failed > 0 && failed == answers.size() ? failed_rounds_ + 1 : 0;
  if (failed == 0) return absl::ZeroDuration();
  const int doublings = std::clamp(failed_rounds_ - 1, 0, 10);
  const absl::Duration wait = std::max(told, std::min(kFirst * std::exp2(doublings), kLongest));
  return std::max(absl::ZeroDuration(), std::min(wait, left / kMostOfTheTimeLeft));
}

}  // namespace assay::engine
