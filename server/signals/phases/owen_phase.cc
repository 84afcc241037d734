#include "server/signals/phases/owen_phase.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/credit/owen.h"
#include "server/plan/coalition.h"
#include "server/signals/phases/credit_phase.h"
#include "server/signals/unions.h"

namespace assay::signals {
namespace {

// Sampled Owen values from fewer questions a message than these say less than the scores would.
constexpr int64_t kLeastQuestionsPerMessage = 4;
constexpr int64_t kFreeQuestionsPerMessage = 64;

// Values of the agents' messages as values of all `count` messages: 0 for context.
std::vector<double> OfAllMessages(const std::vector<int>& agents_messages, size_t count,
                                  const std::vector<double>& values) {
  std::vector<double> all(count);
  for (size_t k = 0; k < agents_messages.size(); ++k) all[agents_messages[k]] = values[k];
  return all;
}

class OwenPhase : public DetailPhase {
 public:
  OwenPhase(const Episode& episode, std::unique_ptr<credit::CreditPlan> plan,
            const Findings& findings)
      : DetailPhase(findings, {}),
        messages_(AgentsMessages(episode)),
        count_(episode.messages.size()),
        plan_(std::move(plan)) {
    batch_ = ToEvaluator(plan_->ask());
  }

  absl::Status Take(absl::Span<const Answer> answers) override {
    const std::vector<assay::Answer> values(answers.begin(), answers.end());
    ASSAY_RETURN_IF_ERROR(plan_->tell(values));
    batch_ = ToEvaluator(plan_->ask());
    if (!plan_->done()) return absl::OkStatus();
    ASSAY_ASSIGN_OR_RETURN(const credit::CreditEstimate estimate, plan_->finish());
    findings_.owen = OfAllMessages(messages_, count_, estimate.values);
    return absl::OkStatus();
  }

 private:
  const std::vector<int> messages_;
  const size_t count_;
  const std::unique_ptr<credit::CreditPlan> plan_;
};

// Exact Owen values from an evaluator that gives the whole table at once.
class OwenTablePhase : public DetailPhase {
 public:
  OwenTablePhase(const Episode& episode, const ValueRange& range, std::vector<int> union_of,
                 const Findings& findings)
      : DetailPhase(findings, {{{.kind = QuestionKind::kOwenSets}}}),
        messages_(AgentsMessages(episode)),
        count_(episode.messages.size()),
        range_(range),
        union_of_(std::move(union_of)) {}

  absl::Status Take(absl::Span<const Answer> answers) override {
    const absl::Span<const double> table = answers.front().table;
    for (size_t k = 0; k < table.size(); ++k) {
      if (!InRange(table[k], range_)) {
        return absl::InvalidArgumentError(
            absl::StrCat("answer: value ", k, " of the table is not in the value range"));
      }
    }
    ASSAY_ASSIGN_OR_RETURN(const std::vector<double> owen,
                           credit::ExactOwen(table, union_of_, range_.low, range_.high));
    findings_.owen = OfAllMessages(messages_, count_, owen);
    batch_.clear();
    return absl::OkStatus();
  }

 private:
  const std::vector<int> messages_;
  const size_t count_;
  const ValueRange range_;
  const std::vector<int> union_of_;
};

// How many questions Owen values may cost here; 0: do not ask.
int64_t OwenBudget(const DetailInputs& inputs, const Unions& unions) {
  const int64_t exact = credit::OwenQuestionCount(unions.sizes);
  const int64_t messages = static_cast<int64_t>(unions.union_of.size());
  const bool explicit_budget = inputs.options.estimator.max_questions > 0;
  const int64_t limit = inputs.traits.free && !explicit_budget
                            ? credit::kMaxOwenQuestions
                            : std::min(inputs.questions_left, credit::kMaxOwenQuestions);
  if (exact <= limit) return exact;
  const bool wanted = inputs.options.message_rewards.evidence == EvidenceKind::kOwen;
  // The correctness of a vote is better evidence than a sample of its Owen values.
  if (inputs.traits.kind == EvaluatorKind::kVote && !wanted) return 0;
  const int64_t sampled = std::min(limit, kFreeQuestionsPerMessage * messages);
  return sampled >= kLeastQuestionsPerMessage * messages || (wanted && sampled >= 2) ? sampled : 0;
}

absl::StatusOr<std::unique_ptr<DetailPhase>> AskSubsets(const DetailInputs& inputs,
                                                        const Unions& unions, int64_t budget,
                                                        const Findings& findings) {
  credit::OwenOptions options;
  options.union_of = unions.union_of;
  options.max_questions = budget;
  options.confidence = inputs.options.estimator.confidence;
  options.target_half_width = inputs.options.estimator.target_half_width;
  options.samples_per_question = inputs.options.estimator.samples_per_question;
  options.seed = inputs.options.seed;
  options.value_low = inputs.options.range.low;
  options.value_high = inputs.options.range.high;
  options.noise = NoiseOf(inputs.options, inputs.traits);
  absl::StatusOr<std::unique_ptr<credit::CreditPlan>> plan = credit::MakeOwenPlan(options);
  if (!plan.ok()) return plan.status();
  return std::make_unique<OwenPhase>(inputs.episode, std::move(*plan), findings);
}

}  // namespace

absl::StatusOr<std::unique_ptr<DetailPhase>> MakeOwenPhase(const DetailInputs& inputs,
                                                           const Findings& findings) {
  const Unions unions = MakeUnions(inputs.episode);
  const EvaluatorTraits& traits = inputs.traits;
  if (!traits.Supports(QuestionKind::kMessages) ||
      unions.union_of.size() > static_cast<size_t>(PlayerSet::kMaxPlayers)) {
    return nullptr;
  }
  const int64_t budget = OwenBudget(inputs, unions);
  if (traits.Supports(QuestionKind::kOwenSets) &&
      budget == credit::OwenQuestionCount(unions.sizes)) {
    return std::make_unique<OwenTablePhase>(inputs.episode, inputs.options.range, unions.union_of,
                                            findings);
  }
  if (budget <= 0) return nullptr;
  return AskSubsets(inputs, unions, budget, findings);
}

}  // namespace assay::signals
