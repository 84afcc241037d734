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

bool HasOwenValues(const Episode&, const MessageFacts& facts) { return !facts.owen.empty(); }

bool HasBothNodeValues(const Episode& episode, const MessageFacts& facts) {
  bool any = false;
  for (size_t t = 0; t < episode.messages.size(); ++t) {
    if (episode.messages[t].agent == kContext) continue;
    if (!facts.node_values[t].has_value() || !facts.node_values[t + 1].has_value()) return false;
    any = true;
  }
  return any;
}

bool HasAnyScore(const Episode& episode, const MessageFacts& facts) {
  for (size_t t = 0; t < episode.messages.size(); ++t) {
    if (episode.messages[t].agent != kContext && facts.scores[t].has_value()) return true;
  }
  return false;
}

bool Always(const Episode&, const MessageFacts&) { return true; }

Judgement ByOwenValue(const MessageFacts& facts, int t, const MessageRewardOptions&) {
  return {facts.owen[t], 0};
}

Judgement ByGain(const MessageFacts& facts, int t, const MessageRewardOptions&) {
  const double gain = *facts.node_values[t + 1] - *facts.node_values[t];
  return {gain, gain};
}

Judgement ByScore(const MessageFacts& facts, int t, const MessageRewardOptions& options) {
  const double rho = facts.redundancy[t];
  const double q = facts.scores[t].value_or(0);
  const double s = q > 0 ? q * (1 - rho) : q;
  return {options.kappa * (s - options.redundancy_penalty * rho), q};
}

Judgement Equally(const MessageFacts& facts, int t, const MessageRewardOptions&) {
  return {0, facts.scores[t].value_or(0)};
}

bool BlameHasOwenValues(const RewardInputs& inputs) { return inputs.owen; }
bool BlameHasValues(const RewardInputs& inputs) { return inputs.posterior.rolled_out; }
bool BlameHasScores(const RewardInputs& inputs) { return !inputs.evidence.scores.empty(); }
bool BlameHasAnything(const RewardInputs&) { return true; }

constexpr const char* kLacksAnswers = "answers to `messages` questions within the budget";

constexpr EvidenceRule kRules[] = {
    {.kind = EvidenceKind::kOwen,
     .known = HasOwenValues,
     .lacks = kLacksAnswers,
     .judge = ByOwenValue,
     .marginal = true,
     .known_in_failure = BlameHasOwenValues,
     .lacks_in_failure = kLacksAnswers,
     .basis = blame::Basis::kCredit,
     .ask = MakeOwenPhase,
     .asked_in_failure = AskedInFailure::kAlways},
    {.kind = EvidenceKind::kPrefix,
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
    {.kind = EvidenceKind::kScores,
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
    {.kind = EvidenceKind::kEqual,
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
constexpr EvidenceKind kStrongestBlameFirst[] = {EvidenceKind::kPrefix, EvidenceKind::kScores,
                                                 EvidenceKind::kOwen};

}  // namespace

absl::Span<const EvidenceRule> EvidenceRules() { return kRules; }

const EvidenceRule& RuleOf(EvidenceKind kind) {
  return *std::find_if(std::begin(kRules), std::end(kRules),
                       [kind](const EvidenceRule& rule) { return rule.kind == kind; });
}

absl::StatusOr<EvidenceKind> ChooseEvidenceKind(const Episode& episode, const MessageFacts& facts,
                                                EvidenceKind asked) {
  for (const EvidenceRule& rule : kRules) {
    if (asked != EvidenceKind::kAuto && asked != rule.kind) continue;
    if (rule.known(episode, facts)) return rule.kind;
    if (asked == rule.kind) return MissingEvidence(rule.lacks);
  }
  return EvidenceKind::kEqual;
}

absl::StatusOr<blame::Basis> ChooseBasis(const RewardInputs& inputs) {
  if (inputs.asked == EvidenceKind::kAuto) return blame::Basis::kAll;
  const EvidenceRule& rule = RuleOf(inputs.asked);
  if (!rule.known_in_failure(inputs)) return MissingEvidence(rule.lacks_in_failure);
  return rule.basis;
}

EvidenceKind EvidenceKindOfBlame(const RewardInputs& inputs) {
  if (inputs.asked != EvidenceKind::kAuto) return inputs.asked;
  for (const EvidenceKind kind : kStrongestBlameFirst) {
    if (RuleOf(kind).known_in_failure(inputs)) return kind;
  }
  return EvidenceKind::kEqual;
}

}  // namespace assay::signals
