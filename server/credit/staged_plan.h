#ifndef ASSAY_SERVER_CREDIT_STAGED_PLAN_H_
#define ASSAY_SERVER_CREDIT_STAGED_PLAN_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "server/credit/answers.h"
#include "server/credit/credit_plan.h"

namespace assay::credit {

// What an estimator concludes from its answers, before efficiency and bounds are imposed.
struct RawEstimate {
  std::vector<double> values;       // their sum may miss grand - baseline
  std::vector<double> variances;    // of the values
  std::vector<double> half_widths;  // of their intervals, as far as the answers themselves tell
  // How many looks at the game a value rests on: orders, pairs or coalitions. 0: every value of the
  // game is known. What none of them has met can still be there: see UnseenShare.
  std::int64_t looks = 0;
  std::vector<PairInteraction> interactions;
  Method method = Method::kExact;
  IntervalKind interval = IntervalKind::kExact;
};

// The values made to sum to `total`, each within [-range, range].
absl::StatusOr<std::vector<double>> Efficient(const RawEstimate& raw, double total, double range);

// The largest share of a game that can have escaped `looks` independent looks at this confidence:
// the upper bound of Clopper and Pearson for 0 successes in `looks` trials. At 0.95 it is about 3.7
// / looks. 0 where looks is 0.
double UnseenShare(std::int64_t looks, double confidence);

// The part of the conversation that all estimators share: batches, validation, counting, early
// stop, and what an estimate owes its reader (efficiency, bounds, interval around the value). An
// estimator says which questions come next, keeps the answers, and estimates.
class StagedPlan : public CreditPlan {
 public:
  const std::vector<Question>& ask() const final { return stage_; }
  absl::Status tell(absl::Span<const Answer> answers) final;
  bool done() const final { return done_; }
  absl::StatusOr<CreditEstimate> finish() final;

 protected:
  // max_questions must have been resolved. All questions are of this kind.
  explicit StagedPlan(const CreditOptions& options, QuestionKind kind = QuestionKind::kCoalition)
      : options_(options),
        kind_(kind),
        noise_(options.noise, options.value_low, options.value_high) {}

  // The questions of the next stage; empty where the plan is complete. Called once before each
  // stage.
  virtual std::vector<Question> NextStage() = 0;
  // Keeps an answer with samples >= 1 to `question`, the stage's k-th; returns whether that
  // question is answered for the first time.
  virtual bool Record(std::size_t k, const Question& question, const Answer& answer) = 0;
  // Called only when anchored().
  virtual absl::StatusOr<RawEstimate> Estimate() const = 0;

  const CreditOptions& options() const { return options_; }
  // How many questions were asked, where a repeat counts like a new one.
  std::int64_t asked() const { return asked_ / options_.samples_per_question; }
  // Answers are kept as they come and read through this: noise may show later.
  const NoiseModel& noise() const { return noise_; }
  double baseline() const { return baseline_.mean; }
  double grand() const { return grand_.mean; }
  // The variance of grand() - baseline().
  double total_variance() const;
  // Whether v(empty) and v(N) are both known.
  bool anchored() const { return baseline_.samples > 0 && grand_.samples > 0; }
  // Derived constructors call this when ready to plan their first stage.
  void Start() { Advance(); }

 private:
  void Advance();
  bool PreciseEnough() const;
  // What the credits may still miss: that share of the value range which no look has met.
  double UnseenHalfWidth(const RawEstimate& raw) const;
  // The same as a standard error, finite at any confidence.
  double UnseenError(const RawEstimate& raw) const;
  absl::Status Validate(absl::Span<const Answer> answers) const;

  const CreditOptions options_;
  const QuestionKind kind_;
  NoiseModel noise_;
  std::vector<Question> stage_;
  Answer baseline_{.samples = 0};
  Answer grand_{.samples = 0};
  std::vector<bool> sizes_;  // those of which a coalition was answered; grows as they come
  std::int64_t questions_ = 0;
  std::int64_t asked_ = 0;    // samples asked for
  std::int64_t samples_ = 0;  // and answered
  bool done_ = false;
  bool complete_ = false;
};

}  // namespace assay::credit

#endif  // ASSAY_SERVER_CREDIT_STAGED_PLAN_H_
