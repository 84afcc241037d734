// The sets of messages that exact Owen values take, and what one union makes of their values.
#ifndef ASSAY_SERVER_CREDIT_OWEN_SETS_H_
#define ASSAY_SERVER_CREDIT_OWEN_SETS_H_

#include <cstddef>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/types/span.h"
#include "server/plan/coalition.h"

namespace assay::credit {

// Some unions taken whole and, beside them, a part of one other union; partial = -1 means that
// there is no part.
struct OwenSet {
  Coalition whole = 0;
  int partial = -1;
  std::size_t subset = 0;  // of the partial union's messages, by their ordinal; never 0 or all
};

// Calls visit(OwenSet) once for each of the OwenQuestionCount(union_sizes) sets. First those
// without a part, from all unions down to none: they are what the unions' own credit rests on.
// Then, for each union and each set of others, ascending, its parts, ascending. At most 20 unions
// of at most 20 messages.
template <typename Visit>
void ForEachOwenSet(absl::Span<const int> union_sizes, Visit visit) {
  const int m = static_cast<int>(union_sizes.size());
  const Coalition all = (Coalition{1} << m) - 1;
  for (Coalition left_out = 0; left_out <= all; ++left_out) visit(OwenSet{.whole = all ^ left_out});
  for (int i = 0; i < m; ++i) {
    const std::size_t full = (std::size_t{1} << union_sizes[i]) - 1;
    for (Coalition whole = 0; whole <= all; ++whole) {
      if ((whole >> i) & 1) continue;
      for (std::size_t subset = 1; subset < full; ++subset) visit(OwenSet{whole, i, subset});
    }
  }
}

// For each union the game within it: the value of each subset of its messages, averaged over the
// other unions. Its Shapley value is the Owen value of the messages.
class InnerGames {
 public:
  InnerGames(absl::Span<const int> union_sizes, bool noisy);
  // Adds the value of a set, and the variance of that value, to the games that it is part of.
  void Deposit(const OwenSet& set, double value, double variance);
  absl::Span<const double> values(int i) const { return Of(i, values_); }
  // Of the values; empty without noise.
  absl::Span<const double> variances(int i) const { return Of(i, variances_); }

 private:
  using Numbers = absl::InlinedVector<double, 32>;

  absl::Span<const double> Of(int i, const Numbers& numbers) const {
    return absl::MakeConstSpan(numbers).subspan(begins_[i], begins_[i + 1] - begins_[i]);
  }
  void DepositAt(std::size_t at, Coalition others, double value, double variance);

  const std::vector<double> weights_;            // [m C(m-1, h)]^-1 for h = 0..m-1
  absl::InlinedVector<std::size_t, 16> begins_;  // where each union's subsets lie, and their end
  Numbers values_;
  Numbers variances_;
};

}  // namespace assay::credit

#endif  // ASSAY_SERVER_CREDIT_OWEN_SETS_H_
