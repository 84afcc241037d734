#include "server/signals/phases/credit_phase.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/credit/answers.h"
#include "server/credit/exact.h"

namespace assay::signals {
namespace {

constexpr int kFreeExactAgents = 20;
constexpr int kPaidExactAgents = 6;
constexpr int64_t kFreeQuestionsPerAgent = 64;
constexpr int64_t kPaidQuestionsPerAgent = 16;
constexpr double kRounding = 1e-9;
constexpr double kDust = 1e-12;

bool ExactFits(credit::Method method, int n, int64_t budget) {
  const bool wanted = method == credit::Method::kAuto || method == credit::Method::kExact;
  return wanted && n <= kFreeExactAgents && (int64_t{1} << n) <= budget;
}

credit::CreditEstimate Exact(absl::Span<const double> table, int n) {
  credit::CreditEstimate estimate;
  estimate.values = credit::ExactShapley(table, n);
  if (n >= 2) estimate.interactions = credit::ExactInteractions(table, n);
  estimate.std_errors.assign(n, 0.0);
  estimate.low = estimate.values;
  estimate.high = estimate.values;
  estimate.baseline = table.front();
  estimate.grand = table.back();
  estimate.questions = static_cast<int64_t>(table.size());
  estimate.samples = estimate.questions;
  estimate.complete = true;
  return estimate;
}

}  // namespace

bool InRange(double value, const ValueRange& range) {
  const double slack = kRounding * range.size();
  return value >= range.low - slack && value <= range.high + slack;
}

double DropDust(double amount, const ValueRange& range) {
  return std::abs(amount) <= kDust * range.size() ? 0 : amount;
}

int64_t QuestionBudget(const EstimatorOptions& options, const EvaluatorTraits& traits, int n) {
  if (options.max_questions > 0) return options.max_questions;
  const int exact = traits.free ? kFreeExactAgents : kPaidExactAgents;
  if (n <= exact || (options.method == credit::Method::kExact && n <= kFreeExactAgents)) {
    return int64_t{1} << n;
  }
  return n * (traits.free ? kFreeQuestionsPerAgent : kPaidQuestionsPerAgent);
}

credit::Noise NoiseOf(const Options& options, const EvaluatorTraits& traits) {
  if (traits.deterministic) return credit::Noise::kNone;
  return options.estimator.samples_per_question > 1 ? credit::Noise::kSampled
                                                    : credit::Noise::kUnsaid;
}

CreditPhase::CreditPhase(int n, const Options& options, const EvaluatorTraits& traits)
    : n_(n), range_(options.range) {
  if (n == 0 || !(traits.Supports(QuestionKind::kCoalition) ||
                  traits.Supports(QuestionKind::kAllCoalitions))) {
    return;
  }
  const int64_t budget = QuestionBudget(options.estimator, traits, n);
  if (traits.Supports(QuestionKind::kAllCoalitions) &&
      ExactFits(options.estimator.method, n, budget)) {
    whole_table_ = true;
    batch_.push_back({{.kind = QuestionKind::kAllCoalitions}});
    return;
  }
  credit::CreditOptions credit_options = options.estimator;
  credit_options.n = n;
  credit_options.max_questions = budget;
  credit_options.seed = options.seed;
  credit_options.value_low = options.range.low;
  credit_options.value_high = options.range.high;
  credit_options.noise = NoiseOf(options, traits);
  absl::StatusOr<std::unique_ptr<credit::CreditPlan>> plan = credit::MakeCreditPlan(credit_options);
  if (!plan.ok()) {
    status_ = absl::Status(plan.status().code(),
                           absl::StrCat("options.estimator: ", plan.status().message()));
    return;
  }
  plan_ = std::move(*plan);
  batch_ = ToEvaluator(plan_->ask());
}

absl::Status CreditPhase::TellTable(const Answer& answer) {
  const size_t size = size_t{1} << n_;
  if (answer.table.size() != size) {
    return absl::InvalidArgumentError(absl::StrCat("answer: a table of ", answer.table.size(),
                                                   " values where ", size, " are needed"));
  }
  for (size_t mask = 0; mask < size; ++mask) {
    if (!InRange(answer.table[mask], range_)) {
      return absl::InvalidArgumentError(
          absl::StrCat("answer: the value of coalition ", mask, " is outside the value range"));
    }
  }
  estimate_ = Exact(answer.table, n_);
  batch_.clear();
  without_.resize(n_);
  for (int i = 0; i < n_; ++i) without_[i] = {answer.table[(size - 1) ^ (size_t{1} << i)], 1, 0};
  return absl::OkStatus();
}

void CreditPhase::KeepValuesWithout(absl::Span<const assay::Answer> answers) {
  if (without_.empty()) without_.assign(n_, {.samples = 0});
  const Coalition everyone = PlayerSet::All(n_).mask();
  for (size_t k = 0; k < answers.size(); ++k) {
    const Coalition absent = everyone ^ plan_->ask()[k].players.mask();
    if (!std::has_single_bit(absent)) continue;
    credit::Merge(answers[k], without_[std::countr_zero(absent)]);
  }
}

std::vector<std::optional<double>> CreditPhase::ValuesWithout() const {
  std::vector<std::optional<double>> values;
  values.reserve(without_.size());
  for (const assay::Answer& answer : without_) {
    // Answers may miss the range by their rounding.
    const double value = std::clamp(answer.mean, range_.low, range_.high);
    values.push_back(answer.samples > 0 ? std::optional<double>(value) : std::nullopt);
  }
  return values;
}

absl::Status CreditPhase::tell(absl::Span<const Answer> answers) {
  ASSAY_RETURN_IF_ERROR(CheckCount(answers.size(), batch_.size()));
  if (whole_table_) return TellTable(answers.front());
  const std::vector<assay::Answer> values(answers.begin(), answers.end());
  estimate_.reset();
  KeepValuesWithout(values);
  ASSAY_RETURN_IF_ERROR(plan_->tell(values));
  batch_ = ToEvaluator(plan_->ask());
  return absl::OkStatus();
}

absl::StatusOr<const credit::CreditEstimate*> CreditPhase::finish() {
  if (!estimate_.has_value()) {
    if (plan_ == nullptr) return absl::FailedPreconditionError("no coalition has a value yet");
    absl::StatusOr<credit::CreditEstimate> estimate = plan_->finish();
    if (!estimate.ok()) return estimate.status();
    estimate_ = *std::move(estimate);
  }
  return &*estimate_;
}

}  // namespace assay::signals
