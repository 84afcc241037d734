#ifndef ASSAY_SERVER_BLAME_EVIDENCE_CHAIN_H_
#define ASSAY_SERVER_BLAME_EVIDENCE_CHAIN_H_

#include <optional>
#include <vector>

#include "server/blame/chain.h"
#include "server/blame/evidence.h"
#include "server/blame/rates.h"

// From evidence to the factors of a chain.
namespace assay::blame {

// Which of several errors is called the first error.
enum class ErrorDefinition {
  // The earliest message after which success was no longer likely, repaired later or not.
  kStaysUnlikely,
  // The earliest message whose correction alone turns the outcome: the state goes from High to Low
  // there and never back. An error that was repaired later does not count, because correcting it
  // would leave the later one.
  kCorrectionFlips,
  // The earliest message that is wrong in itself, whatever became of it. Rollouts and corrections
  // do not count, because they say nothing about a message as such.
  kIncorrectStep,
};

// The log ratio lambda of each message: logit(1 - p) - logit(b) with p = (1 + q) / 2 clipped to
// [.02, .98], times the judge's weight, added over the J judges of a message and divided by 1 + (J
// - 1) correlation. It is 0 where nobody scored the message.
std::vector<double> ErrorLogRatios(const std::vector<Score>& scores, int messages,
                                   const Parameters& parameters);

// The chain of ComputePosterior, for those who fit parameters. `prior` sums to 1 (NormalisedPrior).
Chain BuildChain(const Evidence& evidence, const std::vector<double>& prior,
                 const std::vector<double>& log_ratio, const Parameters& parameters,
                 ErrorDefinition definition, const RateLevel& level = {});
std::vector<double> NormalisedPrior(const Evidence& evidence);

// Messages that are not context.
int CountAgentsMessages(const Evidence& evidence);

// The node behind the last agent's message, where context follows it and the outcome is therefore
// one more rollout of that node; nullopt where an agent had the last word, and where rollouts say
// nothing (kIncorrectStep).
std::optional<int> NodeOfOutcome(const Evidence& evidence, ErrorDefinition definition);

// The rollouts of every node before the last one, the outcome counted in where it is a rollout
// (NodeOfOutcome): T + 1 entries, of which the last has no trials, or empty. A score between low
// and high counts as a success in part.
std::vector<Rollouts> AllRollouts(const Evidence& evidence, ErrorDefinition definition);

// Adds the condition that the first error is `message`.
void ForceFirst(int message, Chain& chain);
// Adds the condition that the state is Low from `message` on, to the end.
void ForceDecisive(int message, Chain& chain);

// Whether the client's marks of repairs say where a success was Low.
bool MarksApply(const Evidence& evidence, ErrorDefinition definition);

// BuildChain, with marks of repairs where they apply, and its marginals. Statements of the client
// can contradict each other or the outcome, as where the last message of a success is annotated as
// its first error. The annotation then stands: marks of repairs are dropped first, and the outcome
// where that is not enough.
Chain ConsistentChain(const Evidence& evidence, const std::vector<double>& prior,
                      const std::vector<double>& log_ratio, const Parameters& parameters,
                      ErrorDefinition definition, const RateLevel& level, Marginals& marginals);

// A prior over the first error, pi_t proportional to (0.05 + max(0, -phi_a)/range) / T_a, by which
// messages of agents with negative credit are more suspect. `credit` has one Shapley value an
// agent; `range` > 0.
std::vector<double> CreditPrior(const std::vector<int>& authors, const std::vector<double>& credit,
                                double range);

}  // namespace assay::blame

#endif  // ASSAY_SERVER_BLAME_EVIDENCE_CHAIN_H_
