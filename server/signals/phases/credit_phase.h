// The first part of an attribution: what each agent is worth.
#ifndef ASSAY_SERVER_SIGNALS_PHASES_CREDIT_PHASE_H_
#define ASSAY_SERVER_SIGNALS_PHASES_CREDIT_PHASE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/credit/credit_plan.h"
#include "server/plan/plan.h"
#include "server/signals/counterfactual.h"
#include "server/signals/options.h"

namespace assay::signals {

// How many distinct questions about an episode of n agents an evaluator of these traits may be
// asked: options.max_questions where it is set. By default a free evaluator is asked everything up
// to 20 agents and 64 n questions beyond, a paid one everything up to 6 agents and 16 n questions
// beyond.
int64_t QuestionBudget(const EstimatorOptions& options, const EvaluatorTraits& traits, int n);

// What a variance of 0 from this evaluator says. Options that ask for several samples a question
// say that there is noise.
credit::Noise NoiseOf(const Options& options, const EvaluatorTraits& traits);

// Asks for the whole table in one question where the evaluator answers that and the method is
// exact; drives a credit::CreditPlan otherwise; asks nothing where coalitions cannot be asked.
// The result points to the estimate and is valid until the next tell(); before done() it is a
// partial one, FAILED_PRECONDITION where none is possible yet. It is computed once: an estimator
// may take milliseconds for it.
class CreditPhase : public Plan<const credit::CreditEstimate*, Question, Answer> {
 public:
  CreditPhase(int n, const Options& options, const EvaluatorTraits& traits);

  // Not OK where the options contradict each other or the episode, so that nothing can be asked.
  const absl::Status& status() const { return status_; }
  // False for OutcomeOnly: there is no credit to estimate.
  bool counterfactual() const { return whole_table_ || plan_ != nullptr; }
  bool done() const override { return batch_.empty(); }
  const std::vector<Question>& ask() const override { return batch_; }
  absl::Status tell(absl::Span<const Answer> answers) override;
  absl::StatusOr<const credit::CreditEstimate*> finish() override;
  bool can_finish_early() { return plan_ != nullptr && finish().ok(); }
  // v(N without agent i), one an agent, as far as it was answered; empty where nothing was asked.
  std::vector<std::optional<double>> ValuesWithout() const;

 private:
  absl::Status TellTable(const Answer& answer);
  void KeepValuesWithout(absl::Span<const assay::Answer> answers);

  const int n_;
  absl::Status status_;
  bool whole_table_ = false;
  std::unique_ptr<credit::CreditPlan> plan_;
  std::vector<Question> batch_;
  std::vector<assay::Answer> without_;  // of everybody but one agent; samples 0: not asked
  std::optional<credit::CreditEstimate> estimate_;  // of what was told so far
  const ValueRange range_;
};

// Whether `value` is finite and lies in the range up to rounding.
bool InRange(double value, const ValueRange& range);

// `amount`, or 0 where its size is at most 1e-12 of that of the range and is nothing but rounding.
double DropDust(double amount, const ValueRange& range);

}  // namespace assay::signals

#endif  // ASSAY_SERVER_SIGNALS_PHASES_CREDIT_PHASE_H_
