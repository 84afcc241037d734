// What every message of an agent is told of the episode's outcome: part X of an advantage.
#ifndef ASSAY_SERVER_SIGNALS_OUTCOME_PARTS_H_
#define ASSAY_SERVER_SIGNALS_OUTCOME_PARTS_H_

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/signals/group.h"
#include "server/signals/options.h"

namespace assay::signals {

// The numbers of which X is made, one for each pair of an agent and an episode. Values are in
// shares of the value range; their mean over the pairs of a policy is 0 where the policy has as
// many agents in every episode.
struct OutcomeNumbers {
  std::vector<double> values;
  std::vector<double> divisors;  // standard deviations, by the scale; kNone as kPopulation
  // Where the values are noisy, the share that each has in X, in [0, 1]; the numbers of `rest` have
  // what is left. Empty where the values are exact.
  std::vector<double> shares;
  std::unique_ptr<OutcomeNumbers> rest;
};

// One way to make X. kAuto is the first rule that the group supports; they are in the order of
// their noise, the least noisy one first.
struct OutcomeRule {
  OutcomePart part;
  // What keeps the group from it: FAILED_PRECONDITION naming the episode and the agent.
  absl::Status (*supported)(const Group& group);
  OutcomeNumbers (*compute)(const Group& group, OutcomeScale scale);
  // What X says of a message, for people: it ends a sentence that begins with "X says".
  const char* words;
};

// The words of a part; empty for kAuto, and for a value that this build does not know.
absl::string_view WordsOf(OutcomePart part);

// The rule that is asked for. FAILED_PRECONDITION (options.advantages.outcome) where the group does
// not support it.
absl::StatusOr<OutcomeRule> ChooseOutcomeRule(const Group& group, OutcomePart asked);

// Standard deviation of the scores, in shares of the value range; kNone as kPopulation. 0 where
// all scores are equal or the group has one member.
double ScoreDeviation(const Group& group, OutcomeScale scale);

}  // namespace assay::signals

#endif  // ASSAY_SERVER_SIGNALS_OUTCOME_PARTS_H_
