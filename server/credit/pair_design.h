#ifndef ASSAY_SERVER_CREDIT_PAIR_DESIGN_H_
#define ASSAY_SERVER_CREDIT_PAIR_DESIGN_H_

#include <vector>

#include "absl/types/span.h"
#include "server/credit/odd_prior.h"
#include "server/credit/random.h"

namespace assay::credit {

// Greedy A-optimal design: given the pairs in `so_far`, picks `count` more of the candidates, each
// the one that lowers the summed posterior variance of the credits most, sum_i cov(phi_i, o_c |
// D)^2 / var(o_c | D), each prior's reduction relative to its best candidate's and added up. Ties
// fall by `random`. Candidates are distinct and not in so_far. O(priors C (m^2 + count (m + count +
// n))) for C candidates and m pairs so far.
std::vector<Coalition> ExtendDesign(absl::Span<const Coalition> so_far, int count,
                                    absl::Span<const OddPrior* const> priors,
                                    const std::vector<Coalition>& candidates, const Random& random);

}  // namespace assay::credit

#endif  // ASSAY_SERVER_CREDIT_PAIR_DESIGN_H_
