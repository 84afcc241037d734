#ifndef ASSAY_SERVER_CREDIT_ODD_BAYES_PAIR_DESIGN_H_
#define ASSAY_SERVER_CREDIT_ODD_BAYES_PAIR_DESIGN_H_

#include <vector>

#include "absl/types/span.h"
#include "server/credit/odd_bayes/odd_prior.h"
#include "server/credit/random.h"

namespace assay::credit {

// What is known when a design is extended.
struct DesignSoFar {
  std::vector<Coalition> pairs;  // (empty, everyone) first
  // Where answers are noisy, variances; `noise` is empty where they are exact.
  std::vector<double> noise;  // of each pair's odd part; of the first 0: see total_variance
  double fresh_noise = 0;     // of the odd part of a pair asked once
  double total_variance = 0;  // of the measured v(N) - v(empty), to which the credits will add up
  int total_asks = 1;         // how often it was measured
};

// A prior in units of its own variance.
struct ScaledPrior {
  const OddPrior* prior;
  double scale = 1;
};

// Greedy A-optimal design: picks `count` more pairs, each the one that lowers the summed variance
// of the credits most: a candidate by sum_i cov(phi_i, o_c | D)^2 / (var(o_c | D) + its noise),
// and, where answers are noisy, (empty, everyone) once more, by what the mean of its answers gains.
// Each prior's reduction counts relative to its best one's and they are added up. Ties fall by
// `random`. Candidates are distinct and not in so_far. Fewer than `count` only where candidates run
// out. O(priors C (m^2 + count (m + count + n))) for C candidates and m pairs so far.
std::vector<Coalition> ExtendDesign(const DesignSoFar& so_far, int count,
                                    absl::Span<const ScaledPrior> priors,
                                    const std::vector<Coalition>& candidates, const Random& random);

}  // namespace assay::credit

#endif  // ASSAY_SERVER_CREDIT_ODD_BAYES_PAIR_DESIGN_H_
