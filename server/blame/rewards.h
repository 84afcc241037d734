#ifndef ASSAY_SERVER_BLAME_REWARDS_H_
#define ASSAY_SERVER_BLAME_REWARDS_H_

#include <cstdint>
#include <vector>

#include "server/blame/labels.h"
#include "server/blame/posterior.h"

namespace assay::blame {

// What the raw reward x of a message is made of. Labels bound the rewards whatever it is.
enum class Basis : uint8_t {
  kAll,      // the best blame that is known (values, else scores and labels) and the credit
  kCredit,   // Evidence::message_credit alone
  kValues,   // changes of the expected value alone; needs rollouts or prefix values
  kScores,   // process scores and the labels of errors alone
  kNothing,  // nothing: equal shares
};

struct RewardOptions {
  double bound = 0;      // B >= high - low
  double kappa = 0;      // weight of a score in x; by default of the options 0.5 (high - low)
  double reference = 0;  // y_ref in [low, high]
  Basis basis = Basis::kAll;
};

// The conserving projection that shares the shortfall of a failure, not yet carried out: minimise
// sum (r - x)^2 / w subject to sum r = placed and low <= r <= high. Where the bounds exclude that
// sum, the sum is the nearest one that they allow.
struct RewardProblem {
  std::vector<double> raw_reward;  // x, T: before anything is conserved; 0 on context
  std::vector<double> weight;      // w > 0, T
  std::vector<double> low;         // T, in [-B, 0]
  std::vector<double> high;        // T, in [0, B]; both are 0 on context
  double target = 0;               // C = min(0, y - y_ref)
  // What of it the messages are to take. The rest is the environment's and stays unallocated.
  double placed = 0;
  // Everybody helped, and it was not enough: lower bounds are -B, and rewards may be against x.
  bool signs_relaxed = false;
};

// The problem of a failed or open episode (proto/signals.md, "Rewards of a failure"). `redundancy`
// (rho) is empty or one a message. Positive raw rewards are scaled down so that their sum is
// at most |placed| / 2: a failed episode cannot be farmed. O(T).
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
// probability * (reward of the component). Probabilities sum to 1. One component a message that may
// be the first error; where scores or more say anything, one in which it was the environment and
// nothing is placed; the last one is "none", in which nothing is located. Without any evidence the
// last one is all there is. A message whose answer is right has a component only where rollouts or
// statements of the client may blame it. Requires T <= kMaxSoftMessages. O(T^2); the rates of nodes
// are taken for independent within a component where O(T^2) passes over their pairs cost too much.
std::vector<WeightedProblem> SoftFailureRewards(const Evidence& evidence,
                                                const Parameters& parameters,
                                                const PosteriorOptions& posterior_options,
                                                const std::vector<double>& redundancy,
                                                const RewardOptions& options);

}  // namespace assay::blame

#endif  // ASSAY_SERVER_BLAME_REWARDS_H_
