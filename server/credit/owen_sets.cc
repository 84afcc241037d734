#include "server/credit/owen_sets.h"

#include <bit>

#include "server/credit/exact.h"

namespace assay::credit {

InnerGames::InnerGames(absl::Span<const int> union_sizes, bool noisy)
    : weights_(ShapleyWeights(static_cast<int>(union_sizes.size()))) {
  games_.reserve(union_sizes.size());
  for (const int size : union_sizes) {
    const std::size_t subsets = std::size_t{1} << size;
    games_.push_back({std::vector<double>(subsets), std::vector<double>(noisy ? subsets : 0)});
  }
}

void InnerGames::DepositIn(Game& game, std::size_t subset, Coalition others, double value,
                           double variance) {
  const double weight = weights_[std::popcount(others)];
  game.values[subset] += weight * value;
  if (variance > 0) game.variances[subset] += weight * weight * variance;
}

void InnerGames::Deposit(const OwenSet& set, double value, double variance) {
  if (set.partial >= 0) {
    DepositIn(games_[set.partial], set.subset, set.whole, value, variance);
    return;
  }
  for (std::size_t i = 0; i < games_.size(); ++i) {
    const Coalition own = Coalition{1} << i;
    const std::size_t subset = set.whole & own ? games_[i].values.size() - 1 : 0;
    DepositIn(games_[i], subset, set.whole & ~own, value, variance);
  }
}

}  // namespace assay::credit
