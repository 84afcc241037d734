#include "server/signals/rewards/evidence_kinds.h"

#include <algorithm>
#include <cstddef>

#include "server/signals/findings.h"
#include "server/signals/phases/owen_phase.h"
#include "server/signals/phases/prefix_phase.h"
#include "server/signals/phases/scores_phase.h"
#include "server/signals/rewards/message_rewards.h"

namespace assay::signals {
namespace {

bool HasOwenValues(const Episode&, const LocalEvidence& local) { return !local.owen.empty(); }

bool HasBothNodeValues(const Episode& episode, const LocalEvidence& local) {
  bool any = false;
  for (size_t t = 0; t < episode.messages.size(); ++t) {
    if (episode.messages[t].agent == kContext) continue;
    if (!local.node_values[t].has_value() || !local.node_values[t + 1].has_value()) return false;
    any = true;
  }
  return any;
}

bool HasAnyScore(const Episode& episode, const LocalEvidence& local) {
  for (size_t t = 0; t < episode.messages.size(); ++t) {
    if (episode.messages[t].agent != kContext && local.scores[t].has_value()) return true;
  }
  return false;
}

bool Always(const Episode&, const LocalEvidence&) { return true; }

Judgement ByOwenValue(const LocalEvidence& local, int t, const MessageRewardOptions&) {
  return {local.owen[t], 0};
}

Judgement ByGain(const LocalEvidence& local, int t, const MessageRewardOptions&) {
  const double gain = *local.node_values[t + 1] - *local.node_values[t];
  return {gain, gain};
}

Judgement ByScore(const LocalEvidence& local, int t, const MessageRewardOptions& options) {
  const double rho = local.redundancy[t];
  const double q = local.scores[t].value_or(0);
  const double s = q > 0 ? q * (1 - rho) : q;
  return {options.kappa * (s - options.redundancy_penalty * rho), q};
}

Judgement Equally(const LocalEvidence& local, int t, const MessageRewardOptions&) {
  return {0, local.scores[t].value_or(0)};
}

bool BlameHasOwenValues(const RewardInputs& inputs) { return inputs.owen; }
bool BlameHasValues(const RewardInputs& inputs) { return inputs.posterior.rolled_out; }
bool BlameHasScores(const RewardInputs& inputs) { return !inputs.evidence.scores.empty(); }
bool BlameHasAnything(const RewardInputs&) { return true; }

constexpr const char* kLacksAnswers = "answers to `messages` questions within the budget";

constexpr EvidenceKind kKinds[] = {
    {.name = Evidence::kOwen,
     .known = HasOwenValues,
     .lacks = kLacksAnswers,
     .judge = ByOwenValue,
     .marginal = true,
     .known_in_failure = BlameHasOwenValues,
     .lacks_in_failure = kLacksAnswers,
     .basis = blame::Basis::kCredit,
     .ask = MakeOwenPhase,
     .asked_in_failure = AskedInFailure::kAlways},
    {.name = Evidence::kPrefix,
     .known = HasBothNodeValues,
     .lacks = "value at both nodes of every agent's message",
     .judge = ByGain,
     .marginal = false,
     .known_in_failure = BlameHasValues,
     .lacks_in_failure = "value at any node",
     .basis = blame::Basis::kValues,
     .ask = MakePrefixPhase,
     // The search asks for the nodes that matter.
     .asked_in_failure = AskedInFailure::kNever},
    {.name = Evidence::kScores,
     .known = HasAnyScore,
     .lacks = "process score",
     .judge = ByScore,
     .marginal = false,
     .known_in_failure = BlameHasScores,
     .lacks_in_failure = "process score",
     .basis = blame::Basis::kScores,
     .ask = MakeScoresPhase,
     // Scores that a vote's own grades make would claim errors.
     .asked_in_failure = AskedInFailure::kOnRequest},
    {.name = Evidence::kEqual,
     .known = Always,
     .lacks = "",
     .judge = Equally,
     .marginal = false,
     .known_in_failure = BlameHasAnything,
     .lacks_in_failure = "",
     .basis = blame::Basis::kNothing,
     .ask = nullptr,
     .asked_in_failure = AskedInFailure::kNever},
};

// Blame rests on all that is known at once. What locates an error says most.
constexpr Evidence kStrongestBlameFirst[] = {Evidence::kPrefix, Evidence::kScores, Evidence::kOwen};

}  // namespace

absl::Span<const EvidenceKind> EvidenceKinds() { return kKinds; }

const EvidenceKind& KindOf(Evidence name) {
  return *std::find_if(std::begin(kKinds), std::end(kKinds),
                       [name](const EvidenceKind& kind) { return kind.name == name; });
}

absl::StatusOr<Evidence> ChooseEvidence(const Episode& episode, const LocalEvidence& local,
                                        Evidence asked) {
  for (const EvidenceKind& kind : kKinds) {
    if (asked != Evidence::kAuto && asked != kind.name) continue;
    if (kind.known(episode, local)) return kind.name;
    if (asked == kind.name) return MissingEvidence(kind.lacks);
  }
  return Evidence::kEqual;
}

absl::StatusOr<blame::Basis> ChooseBasis(const RewardInputs& inputs) {
  if (inputs.asked == Evidence::kAuto) return blame::Basis::kAll;
  const EvidenceKind& kind = KindOf(inputs.asked);
  if (!kind.known_in_failure(inputs)) return MissingEvidence(kind.lacks_in_failure);
  return kind.basis;
}

Evidence EvidenceOfBlame(const RewardInputs& inputs) {
  if (inputs.asked != Evidence::kAuto) return inputs.asked;
  for (const Evidence name : kStrongestBlameFirst) {
    if (KindOf(name).known_in_failure(inputs)) return name;
  }
  return Evidence::kEqual;
}

}  // namespace assay::signals
