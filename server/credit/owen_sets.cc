#include "server/credit/owen_sets.h"

#include <bit>

#include "server/credit/exact.h"

namespace assay::credit {

InnerGames::InnerGames(absl::Span<const int> union_sizes, bool noisy)
    : weights_(ShapleyWeights(static_cast<int>(union_sizes.size()))) {
  begins_.push_back(0);
  for (const int size : union_sizes) begins_.push_back(begins_.back() + (std::size_t{1} << size));
  values_.resize(begins_.back());
  variances_.resize(noisy ? begins_.back() : 0);
}

void InnerGames::DepositAt(std::size_t at, Coalition others, double value, double variance) {
  const double weight = weights_[std::popcount(others)];
  values_[at] += weight * value;
  if (variance > 0) variances_[at] += weight * weight * variance;
}

void InnerGames::Deposit(const OwenSet& set, double value, double variance) {
  if (set.partial >= 0) {
    DepositAt(begins_[set.partial] + set.subset, set.whole, value, variance);
    return;
  }
  for (std::size_t i = 0; i + 1 < begins_.size(); ++i) {
    const Coalition own = Coalition{1} << i;
    const std::size_t at = set.whole & own ? begins_[i + 1] - 1 : begins_[i];
    DepositAt(at, set.whole & ~own, value, variance);
  }
}

}  // namespace assay::credit
