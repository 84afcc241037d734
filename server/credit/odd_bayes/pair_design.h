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

// Picks `count` more pairs greedily by A-optimal design: each time the pair that lowers the summed
// variance of the credits most. A candidate c lowers it by
//   sum_i cov(phi_i, o_c | D)^2 / (var(o_c | D) + the noise of c).
// Where answers are noisy, asking (empty, everyone) once more is a candidate too, and counts by
// what the mean of its answers gains. With several priors, a candidate's reductions are divided by
// the best reduction under the same prior and added up; `random` decides between equal candidates.
// Candidates are distinct and not in `so_far`. The result is shorter than `count` only where there
// are too few candidates. O(priors C (m^2 + count (m + count + n))) for C candidates and m pairs in
// `so_far`.
std::vector<Coalition> ExtendDesign(const DesignSoFar& so_far, int count,
                                    absl::Span<const ScaledPrior> priors,
                                    const std::vector<Coalition>& candidates, const Random& random);

}  // namespace assay::credit

#endif  // ASSAY_SERVER_CREDIT_ODD_BAYES_PAIR_DESIGN_H_
