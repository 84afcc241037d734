// The one question that is asked of an evaluator: what is the system evaluation of this episode,
// changed like so? (proto/signals.md#questions)
#ifndef ASSAY_SERVER_SIGNALS_COUNTERFACTUAL_H_
#define ASSAY_SERVER_SIGNALS_COUNTERFACTUAL_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "server/credit/coalition.h"

namespace assay::signals {

enum class QuestionKind : uint8_t {
  kCoalition,      // only the agents of `coalition` take part
  kMessages,       // only some of the agents' messages are kept; context always is
  kPrefix,         // the first `index` messages are kept; the team plays on from there
  kCorrection,     // a correct message takes the place of `index`; the team plays on from there
  kMessageScores,  // not a value: a process score for every message
  kTeam,           // of a group: each agent's messages are those of its episode in `team`
  kAllCoalitions,  // all 2^n coalitions in mask order; only to evaluators with `whole_table`
  kOwenSets,  // likewise all that exact Owen values ask, in the order of credit::ForEachOwenSet
  kAllTeams,  // of a group: what each agent's messages of each episode are worth in all its teams
};

constexpr uint32_t Bit(QuestionKind kind) { return 1u << static_cast<int>(kind); }

// Its answer is a table.
constexpr bool IsTable(QuestionKind kind) {
  return kind == QuestionKind::kAllCoalitions || kind == QuestionKind::kOwenSets ||
         kind == QuestionKind::kAllTeams;
}

enum class Target : uint8_t { kEvaluator, kScorer };

struct Question {
  QuestionKind kind = QuestionKind::kCoalition;
  Target target = Target::kEvaluator;
  int32_t samples = 1;              // independent evaluations to average, >= 1
  int32_t index = 0;                // kPrefix: length in [0, T]; kCorrection: message index
  credit::Coalition coalition = 0;  // kCoalition: who takes part
  // kMessages: the agents' messages that are kept, by their ordinal among the agents' messages of
  // the episode (the first one is 0). Asked only of episodes with at most 256 of them.
  credit::PlayerSet subset;
  // kTeam: for each agent the member of the group whose messages it takes; kAbsent: it is absent.
  std::vector<int32_t> team;
};
inline constexpr int32_t kAbsent = -1;

struct Answer {
  double mean = 0;             // in the value range
  int32_t samples = 1;         // independent evaluations behind the mean, >= 1
  double variance = 0;         // unbiased, of ONE sample; 0: exact
  bool cached = false;         // none of the samples was made for this question: it cost nothing
  std::vector<double> scores;  // kMessageScores: one a message, context included (ignored there)
  // kAllCoalitions and kOwenSets: CountValues of them; kAllTeams: one a member and agent, member by
  // member. Points into storage that the evaluator keeps until the plan is finished.
  absl::Span<const double> table;
};

enum class EvaluatorKind : uint8_t { kOutcome, kGiven, kVote, kCaller, kNamed };

// What an attribution may ask, and what it costs.
struct EvaluatorTraits {
  EvaluatorKind kind = EvaluatorKind::kOutcome;
  uint32_t supports = 0;  // union of Bit(kind)
  bool free = true;       // questions cost nothing
  bool deterministic = true;
  bool Supports(QuestionKind k) const { return (supports & Bit(k)) != 0; }
};

}  // namespace assay::signals

#endif  // ASSAY_SERVER_SIGNALS_COUNTERFACTUAL_H_
