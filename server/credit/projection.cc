#include "server/credit/projection.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"

namespace assay::credit {
namespace {

struct Problem {
  absl::Span<const double> x, w, low, high;
  double total;
};

// Neumaier's compensated sum: conservation is promised to rounding for any number of entries.
class Sum {
 public:
  void Add(double value) {
    const double next = sum_ + value;
    rest_ += std::abs(sum_) >= std::abs(value) ? (sum_ - next) + value : (value - next) + sum_;
    sum_ = next;
  }
  double value() const { return sum_ + rest_; }

 private:
  double sum_ = 0;
  double rest_ = 0;
};

double Total(absl::Span<const double> values) {
  Sum sum;
  for (double value : values) sum.Add(value);
  return sum.value();
}

absl::Status Validate(const Problem& problem) {
  const std::size_t count = problem.x.size();
  if (problem.w.size() != count || problem.low.size() != count || problem.high.size() != count) {
    return absl::InvalidArgumentError("x, weights and bounds differ in length");
  }
  if (!std::isfinite(problem.total)) return absl::InvalidArgumentError("total is not finite");
  for (std::size_t t = 0; t < count; ++t) {
    if (!std::isfinite(problem.x[t]) || !std::isfinite(problem.w[t]) ||
        !std::isfinite(problem.low[t]) || !std::isfinite(problem.high[t])) {
      return absl::InvalidArgumentError(absl::StrCat("entry ", t, " is not finite"));
    }
    if (problem.w[t] <= 0) {
      return absl::InvalidArgumentError(absl::StrCat("weight ", t, " is not positive"));
    }
    if (problem.low[t] > problem.high[t]) {
      return absl::InvalidArgumentError(absl::StrCat("bounds ", t, " are crossed"));
    }
  }
  return absl::OkStatus();
}

struct Breakpoint {
  double lambda;
  std::size_t index;
  bool enters;  // leaves its lower bound here; otherwise reaches its upper bound

  bool operator<(const Breakpoint& other) const {
    if (lambda != other.lambda) return lambda < other.lambda;
    if (index != other.index) return index < other.index;
    return enters && !other.enters;
  }
};

// The smallest segment of the piecewise linear sum on which it reaches the total, solved afresh for
// its free entries.
double FindMultiplier(const Problem& problem) {
  const std::size_t count = problem.x.size();
  absl::InlinedVector<Breakpoint, 16> breakpoints;
  breakpoints.reserve(2 * count);
  for (std::size_t t = 0; t < count; ++t) {
    breakpoints.push_back({(problem.low[t] - problem.x[t]) / problem.w[t], t, true});
    breakpoints.push_back({(problem.high[t] - problem.x[t]) / problem.w[t], t, false});
  }
  std::sort(breakpoints.begin(), breakpoints.end());
  Sum fixed;  // the sum of r at lambda is fixed + slope * lambda
  Sum slope;
  for (double low : problem.low) fixed.Add(low);
  int free = 0;
  for (const Breakpoint& point : breakpoints) {
    const std::size_t t = point.index;
    if (free > 0) {
      const double lambda = (problem.total - fixed.value()) / slope.value();
      if (lambda <= point.lambda) return lambda;
    } else if (problem.total <= fixed.value()) {
      return point.lambda;
    }
    if (point.enters) {
      ++free;
      fixed.Add(problem.x[t]);
      fixed.Add(-problem.low[t]);
      slope.Add(problem.w[t]);
    } else {
      --free;
      fixed.Add(problem.high[t]);
      fixed.Add(-problem.x[t]);
      slope.Add(-problem.w[t]);
    }
  }
  return breakpoints.back().lambda;
}

// Puts the rounding error of the sum on entries that have room for it.
void Settle(const Problem& problem, std::vector<double>& r) {
  for (int round = 0; round < 4; ++round) {
    double rest = problem.total - Total(r);
    if (rest == 0) return;
    for (std::size_t t = 0; t < r.size() && rest != 0; ++t) {
      const double moved = std::clamp(r[t] + rest, problem.low[t], problem.high[t]);
      rest -= moved - r[t];
      r[t] = moved;
    }
  }
}

}  // namespace

absl::StatusOr<Projection> Project(absl::Span<const double> x, absl::Span<const double> w,
                                   absl::Span<const double> low, absl::Span<const double> high,
                                   double total) {
  const Problem problem{x, w, low, high, total};
  ASSAY_RETURN_IF_ERROR(Validate(problem));
  const double least = Total(low);
  const double most = Total(high);
  const double rounding = 8 * std::numeric_limits<double>::epsilon() *
                          (std::abs(least) + std::abs(most) + std::abs(total));
  if (total < least - rounding || total > most + rounding) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot place ", total, " within [", least, ", ", most, "]"));
  }
  Projection result;
  if (x.empty()) return result;
  result.multiplier = FindMultiplier(problem);
  result.values.resize(x.size());
  for (std::size_t t = 0; t < x.size(); ++t) {
    result.values[t] = std::clamp(x[t] + result.multiplier * w[t], low[t], high[t]);
  }
  Settle(problem, result.values);
  return result;
}

}  // namespace assay::credit
