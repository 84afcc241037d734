#ifndef ASSAY_SERVER_BLAME_STATED_PRIOR_H_
#define ASSAY_SERVER_BLAME_STATED_PRIOR_H_

#include <vector>

#include "server/blame/posterior.h"

namespace assay::blame {

// Messages up to which StatedPrior is exact; of longer episodes it returns what was stated.
inline constexpr int kMaxStated = 4096;

// pi are rates of a chain, in which early errors hide later ones and may be repaired; where nothing
// else is known the posterior is therefore not pi. Returns the pi under which the posterior of a
// failure of which nothing else is known is `stated` (relative weights over messages; context is
// ignored). Only authors and agents of `evidence` are read. O(T) a step, at most 40 steps.
std::vector<double> StatedPrior(const Evidence& evidence, const std::vector<double>& stated,
                                const Parameters& parameters, ErrorDefinition definition);

// The pi under which that posterior is the mixture of the one under the rates `fitted`, by `share`,
// and of `rest`, whose sum is 1 - share: what a fitted prior says keeps its meaning at home, and
// uniform shares are uniform abroad. With share 1 it is `fitted`.
std::vector<double> BlendedPrior(const Evidence& evidence, const std::vector<double>& fitted,
                                 double share, const std::vector<double>& rest,
                                 const Parameters& parameters, ErrorDefinition definition);

}  // namespace assay::blame

#endif  // ASSAY_SERVER_BLAME_STATED_PRIOR_H_
