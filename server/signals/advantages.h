// Advantages of a group: the rollouts of one task compared (proto/signals.md#advantages). They are
// made of scores, values and credits and never of rewards, because those of successes and of
// failures share out different amounts. They are a pure function of what the episodes' signals
// carry, so that members scored on different streams give the same numbers.
#ifndef ASSAY_SERVER_SIGNALS_ADVANTAGES_H_
#define ASSAY_SERVER_SIGNALS_ADVANTAGES_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/signals/group.h"
#include "server/signals/options.h"

namespace assay::signals {

// The numbers have no unit; with OutcomeScale::kNone they are in the unit of the value.
struct MemberAdvantages {
  double outcome = 0;             // the score standardised over the group, whatever X is
  std::vector<double> by_agent;   // X, one an agent
  std::vector<double> local;      // K, one an agents' message; in [-5, 5], or 5 times the range
  std::vector<double> advantage;  // (1 - weight) X + weight K, one an agents' message
};

struct GroupAdvantages {
  double mean_score = 0;
  double std_score = 0;  // by the scale asked for; with kNone that of the population
  OutcomePart outcome_part = OutcomePart::kOutcome;  // what was used, never kAuto
  CreditPart credit_part = CreditPart::kNone;
  double reliability = 0;  // of the credit part, in [0, 1]
  double weight = 0;       // blend * reliability
  bool parallel = false;   // every member was written in parallel
  std::vector<MemberAdvantages> members;
};

// `recombined` is what is known of teams put together from the group, as Group takes it.
// FAILED_PRECONDITION, with the path of the option, the episode and what it lacks: the options name
// a part that the group does not support. UNIMPLEMENTED: they name a part that is not offered. The
// outcome parts kOutcome and kControl are exactly 0 where all scores are equal or the group has one
// member. Nothing depends on the order of the members. O(messages log messages).
absl::StatusOr<GroupAdvantages> ComputeAdvantages(absl::Span<const GroupMember* const> members,
                                                  const AdvantageOptions& options,
                                                  const TeamValues& recombined = {});

}  // namespace assay::signals

#endif  // ASSAY_SERVER_SIGNALS_ADVANTAGES_H_
