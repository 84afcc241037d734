#ifndef ASSAY_SERVER_BLAME_EVIDENCE_CHAIN_H_
#define ASSAY_SERVER_BLAME_EVIDENCE_CHAIN_H_

#include <optional>
#include <vector>

#include "server/blame/chain.h"
#include "server/blame/evidence.h"
#include "server/blame/rates.h"

// From evidence to the factors of a chain.
namespace assay::blame {

// Which error is called THE first.
enum class ErrorDefinition {
  // The earliest message after which success was no longer likely, repaired later or not.
  kStaysUnlikely,
  // The earliest whose correction alone turns the outcome: High -> Low, and never back. An error
  // that was repaired later does not count: correcting it leaves the later one.
  kCorrectionFlips,
  // The earliest message that is itself wrong, whatever became of it: there is no way back from
  // "something was wrong", and rollouts and corrections say nothing about a message as such.
  kIncorrectStep,
};

// Per message lambda (0 where nobody scored): logit(1 - p) - logit(b) with p = (1 + q) / 2 clipped
// to [.02, .98], added over the J judges of a message and divided by 1 + (J - 1) correlation.
std::vector<double> ErrorLogRatios(const std::vector<Score>& scores, int messages,
                                   const Parameters& parameters);

// The chain of ComputePosterior, for those who fit parameters. `prior` sums to 1 (NormalisedPrior).
Chain BuildChain(const Evidence& evidence, const std::vector<double>& prior,
                 const std::vector<double>& log_ratio, const Parameters& parameters,
                 ErrorDefinition definition, const RateLevel& level = {});
std::vector<double> NormalisedPrior(const Evidence& evidence);

// Messages that are not context.
int AgentsMessages(const Evidence& evidence);

// The node behind the last agent's message, where context follows it and the outcome is therefore
// one more rollout of that node; nullopt where an agent had the last word, and where rollouts say
// nothing (kIncorrectStep).
std::optional<int> NodeOfOutcome(const Evidence& evidence, ErrorDefinition definition);

// The rollouts of every node before the last, with that of the outcome: T + 1 (the last one says
// nothing) or empty. A graded score is its share of the range.
std::vector<Rollouts> AllRollouts(const Evidence& evidence, ErrorDefinition definition);

// Conditions: the first error is `message`; from `message` on Low to the end.
void ForceFirst(int message, Chain& chain);
void ForceDecisive(int message, Chain& chain);

// Whether the caller's marks of repairs say where a success was Low.
bool MarksApply(const Evidence& evidence, ErrorDefinition definition);

// BuildChain, with marks of repairs where they apply, and its marginals. Statements of the caller
// can contradict each other or the outcome (the last message of a success annotated as its first
// error): the annotation stands; marks yield first, then the outcome.
Chain ConsistentChain(const Evidence& evidence, const std::vector<double>& prior,
                      const std::vector<double>& log_ratio, const Parameters& parameters,
                      ErrorDefinition definition, const RateLevel& level, Marginals& marginals);

// pi_t proportional to (0.05 + max(0, -phi_a)/range) / T_a: those with negative credit are
// suspects. `credit` has one Shapley value an agent, `range` > 0.
std::vector<double> CreditPrior(const std::vector<int>& authors, const std::vector<double>& credit,
                                double range);

}  // namespace assay::blame

#endif  // ASSAY_SERVER_BLAME_EVIDENCE_CHAIN_H_
