#ifndef ASSAY_SERVER_BLAME_REWARDS_H_
#define ASSAY_SERVER_BLAME_REWARDS_H_

#include <vector>

#include "server/blame/labels.h"
#include "server/blame/posterior.h"

namespace assay::blame {

struct RewardOptions {
  double bound = 0;      // B >= high - low
  double kappa = 0;      // weight of evidence, default 0.5 (high - low) by the caller
  double reference = 0;  // y_ref in [low, high]
};

// The projection of section 3 that shares the shortfall of a failure, not yet carried out: minimise
// sum (r - x)^2 / w subject to sum r = target and low <= r <= high.
struct RewardProblem {
  std::vector<double> evidence;  // x, T
  std::vector<double> weight;    // w > 0, T
  std::vector<double> low;       // T, in [-B, 0]
  std::vector<double> high;      // T, in [0, B]; both are 0 on context
  double target = 0;             // C = min(0, y - y_ref)
  // False: nobody may take blame; then all rewards are 0 and the target stays unallocated.
  bool allocable = true;
};

// The problem of a failed or open episode (signals.md, section 5, Rewards). `redundancy` (rho) is
// empty or one a message. Positive evidence counts only where it may be paid (kRepair,
// kRepairAttempt); its sum is scaled down to |target| / 2. O(T).
RewardProblem FailureRewards(const Evidence& evidence, const Posterior& posterior,
                             const std::vector<Label>& labels,
                             const std::vector<double>& redundancy, const RewardOptions& options);

// One component of the soft rewards.
struct WeightedProblem {
  double probability = 0;
  RewardProblem problem;
};

// Beyond this many messages the mixture, O(T^2), is not offered.
inline constexpr int kMaxSoftMessages = 512;

// The posterior mixture over the first error: the soft reward of a message is the sum of
// probability * (reward of the component). Probabilities sum to 1; the last component is "none",
// in which nothing is located. Requires T <= kMaxSoftMessages. O(T^2); the rates of nodes are taken
// for independent within a component where O(T^2) passes over their pairs cost too much.
std::vector<WeightedProblem> SoftFailureRewards(const Evidence& evidence,
                                                const Parameters& parameters,
                                                const PosteriorOptions& posterior_options,
                                                const std::vector<double>& redundancy,
                                                const RewardOptions& options);

}  // namespace assay::blame

#endif  // ASSAY_SERVER_BLAME_REWARDS_H_
