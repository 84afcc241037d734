#ifndef ASSAY_SERVER_CREDIT_PROJECTION_H_
#define ASSAY_SERVER_CREDIT_PROJECTION_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace assay::credit {

struct Projection {
  std::vector<double> values;  // r_t, in the order and unit of x
  double multiplier = 0;       // lambda
};

// The conserving projection: minimises sum_t (r_t - x_t)^2 / w_t subject to sum_t r_t = total,
// low_t <= r_t <= high_t. The solution is r_t = clip(x_t + lambda w_t, low_t, high_t); lambda is
// found by an exact search over the breakpoints, and what rounding leaves is put on entries
// strictly inside their bounds, so that the sum is `total` to rounding. O(T log T). All spans have
// T entries; w > 0; everything finite. INVALID_ARGUMENT: lengths differ, something is not finite,
// w_t <= 0, low_t > high_t. FAILED_PRECONDITION: total lies outside [sum low, sum high] by more
// than rounding (with T = 0: total is not 0).
absl::StatusOr<Projection> Project(absl::Span<const double> x, absl::Span<const double> w,
                                   absl::Span<const double> low, absl::Span<const double> high,
                                   double total);

}  // namespace assay::credit

#endif  // ASSAY_SERVER_CREDIT_PROJECTION_H_
