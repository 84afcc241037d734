// The kinds of evidence that share an agent's credit, or the blame for a failure, among messages
// (proto/signals.md#rewards-of-a-success, #rewards-of-a-failure). Each kind has one rule in a
// table; EvidenceKind::kAuto means the first rule that applies.
#ifndef ASSAY_SERVER_SIGNALS_REWARDS_EVIDENCE_KINDS_H_
#define ASSAY_SERVER_SIGNALS_REWARDS_EVIDENCE_KINDS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/blame/labels.h"
#include "server/blame/rewards.h"
#include "server/signals/episode.h"
#include "server/signals/options.h"

namespace assay::signals {

class DetailPhase;
struct DetailInputs;
struct Findings;
struct RewardInputs;

// What is known of the messages beside their text. Vectors over all T messages.
struct MessageFacts {
  std::vector<double> redundancy;                  // rho_t, 0 for context
  std::vector<std::optional<double>> scores;       // q_t
  std::vector<std::optional<double>> node_values;  // V_0..V_T: T + 1 entries
  std::vector<double> owen;                        // Owen value a message; empty: not asked
  // Labels that rest on located errors; empty: none. Their sign bounds take precedence.
  std::vector<blame::Label> labels;
};

// What one kind of evidence says of a message.
struct Judgement {
  double raw_reward = 0;  // x_t, in the unit of the value
  double sign = 0;        // above 0 where the message helped, below 0 where it harmed
};

// Whether a failed episode is asked the questions of a kind of evidence. The search for the error
// asks on its own.
enum class AskedInFailure : uint8_t { kNever, kOnRequest, kAlways };

// How one kind of evidence becomes rewards.
struct EvidenceRule {
  EvidenceKind kind;

  // Of a success: whether the episode supports this kind, and what it lacks where it does not, to
  // end the sentence "the episode has no ...".
  bool (*known)(const Episode& episode, const MessageFacts& facts);
  const char* lacks;
  Judgement (*judge)(const MessageFacts& facts, int message, const MessageRewardOptions& options);
  // The evidence is a marginal contribution: redundancy and sign are in it already, and bound the
  // reward no further.
  bool marginal;

  // The same for a failure, and what the blame rests on where this kind is asked for by name.
  bool (*known_in_failure)(const RewardInputs& inputs);
  const char* lacks_in_failure;
  blame::Basis basis;

  // The questions that find this evidence. The function is null where there are none at all; it
  // returns null where none can be asked of this episode and evaluator within the budget.
  absl::StatusOr<std::unique_ptr<DetailPhase>> (*ask)(const DetailInputs& inputs,
                                                      const Findings& findings);
  AskedInFailure asked_in_failure;
};

// The rules of all kinds, in the order in which kAuto prefers them. The last one applies to every
// episode.
absl::Span<const EvidenceRule> EvidenceRules();

// The rule of a kind, which must not be kAuto.
const EvidenceRule& RuleOf(EvidenceKind kind);

// The kind that the rewards of a success rest on: the one asked for, or the first that applies.
// FAILED_PRECONDITION (field message_rewards.evidence): the kind asked for is not there.
absl::StatusOr<EvidenceKind> ChooseEvidenceKind(const Episode& episode, const MessageFacts& facts,
                                                EvidenceKind asked);

// What the rewards of a failure rest on: with kAuto all that is known, else the kind asked for.
// FAILED_PRECONDITION (field message_rewards.evidence): the kind asked for is not there.
absl::StatusOr<blame::Basis> ChooseBasis(const RewardInputs& inputs);

// The kind of evidence that the signals of a failure name: the one asked for, or the strongest that
// is known. ChooseBasis must have succeeded.
EvidenceKind EvidenceKindOfBlame(const RewardInputs& inputs);

}  // namespace assay::signals

#endif  // ASSAY_SERVER_SIGNALS_REWARDS_EVIDENCE_KINDS_H_
