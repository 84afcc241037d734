// The one question that every evaluator is asked: what would the evaluation of this episode be
// after such a change? (proto/signals.md#questions)
#ifndef ASSAY_SERVER_SIGNALS_COUNTERFACTUAL_H_
#define ASSAY_SERVER_SIGNALS_COUNTERFACTUAL_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "server/plan/question.h"

namespace assay::signals {

using assay::Bit;
using assay::IsTable;
using assay::QuestionKind;

// Who is asked: the evaluator of the episode, or the scorer of its messages.
enum class Target : uint8_t { kEvaluator, kScorer };

struct Question : assay::Question {
  Target target = Target::kEvaluator;
  // kTeam: for each agent the member of the group whose messages it takes; kAbsent: it is absent.
  std::vector<int32_t> team = {};
};
inline constexpr int32_t kAbsent = -1;

// The same questions, put to the evaluator.
inline std::vector<Question> ToEvaluator(const std::vector<assay::Question>& questions) {
  std::vector<Question> batch;
  batch.reserve(questions.size());
  for (const assay::Question& question : questions) batch.push_back({question});
  return batch;
}

// `samples` is at least 1.
struct Answer : assay::Answer {
  bool cached = false;         // none of the samples was made for this question: it cost nothing
  std::vector<double> scores;  // kMessageScores: one a message, context included (ignored there)
  // The answer to a question about a table: for kAllCoalitions and kOwenSets CountValues numbers,
  // for kAllTeams one for each member and agent, member by member. It points into storage that the
  // evaluator keeps until the plan is finished.
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
