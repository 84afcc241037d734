#include "server/credit/staged_plan.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/credit/projection.h"
#include "server/credit/quantile.h"

namespace assay::credit {
namespace {

constexpr double kLeastConfidence = 1e-6;  // of which a quantile is more than rounding

}  // namespace

absl::StatusOr<std::vector<double>> Efficient(const RawEstimate& raw, double total, double range) {
  const std::size_t n = raw.values.size();
  // The gap goes where the uncertainty is; the floor shares it equally where nothing is uncertain.
  const double most = *std::max_element(raw.variances.begin(), raw.variances.end());
  const double floor = std::max(1e-12 * range * range, 1e-9 * most);
  using Numbers = absl::InlinedVector<double, 16>;
  Numbers weights(n);
  for (std::size_t i = 0; i < n; ++i) weights[i] = std::max(raw.variances[i], floor);
  absl::StatusOr<Projection> projection =
      Project(raw.values, weights, Numbers(n, -range), Numbers(n, range), total);
  if (!projection.ok()) return projection.status();
  return std::move(projection->values);
}

double UnseenShare(std::int64_t looks, double confidence) {
  if (looks <= 0) return 0;
  return 1 - std::pow((1 - confidence) / 2, 1.0 / static_cast<double>(looks));
}

absl::Status StagedPlan::Validate(absl::Span<const Answer> answers) const {
  if (done_) return absl::FailedPreconditionError("the plan is done: it asked no question");
  if (answers.size() != stage_.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(answers.size(), " answers to ", stage_.size(), " questions"));
  }
  const double slack = 1e-9 * (options_.value_high - options_.value_low);
  for (std::size_t q = 0; q < answers.size(); ++q) {
    const Answer& answer = answers[q];
    if (answer.samples == 0) continue;
    if (answer.samples < 0 || !std::isfinite(answer.variance) || answer.variance < 0) {
      return absl::InvalidArgumentError(absl::StrCat("answers[", q, "] is not a sampled mean"));
    }
    if (!std::isfinite(answer.mean) || answer.mean < options_.value_low - slack ||
        answer.mean > options_.value_high + slack) {
      return absl::InvalidArgumentError(absl::StrCat("answers[", q, "].mean = ", answer.mean,
                                                     " is outside [", options_.value_low, ", ",
                                                     options_.value_high, "]"));
    }
  }
  return absl::OkStatus();
}

double StagedPlan::total_variance() const {
  return MeanVariance(noise_.Settle(baseline_)) + MeanVariance(noise_.Settle(grand_));
}

absl::Status StagedPlan::tell(absl::Span<const Answer> answers) {
  ASSAY_RETURN_IF_ERROR(Validate(answers));
  const PlayerSet everyone = PlayerSet::All(options_.n);
  bool missing = false;
  for (std::size_t q = 0; q < answers.size(); ++q) {
    const Answer& answer = answers[q];
    if (answer.samples == 0) {
      missing = true;
      continue;
    }
    samples_ += answer.samples;
    asked_ += stage_[q].samples;
    noise_.Note(answer);
    if (Record(q, stage_[q], answer)) ++questions_;
    sizes_.resize(options_.n + 1);
    sizes_[stage_[q].players.size()] = true;
    if (stage_[q].players.empty()) Merge(answer, baseline_);
    if (stage_[q].players == everyone) Merge(answer, grand_);
  }
  if (missing) {
    done_ = true;
    stage_.clear();
  } else {
    Advance();
  }
  return absl::OkStatus();
}

void StagedPlan::Advance() {
  const bool enough = options_.target_half_width > 0 && anchored() && PreciseEnough();
  stage_ = enough ? std::vector<Question>() : NextStage();
  for (Question& question : stage_) question.kind = kind_;
  done_ = complete_ = stage_.empty();
}

double StagedPlan::UnseenHalfWidth(const RawEstimate& raw) const {
  return (options_.value_high - options_.value_low) * UnseenShare(raw.looks, options_.confidence);
}

double StagedPlan::UnseenError(const RawEstimate& raw) const {
  // Both the share and the quantile go to 0 with the confidence, their ratio does not.
  const double confidence = std::max(options_.confidence, kLeastConfidence);
  return (options_.value_high - options_.value_low) * UnseenShare(raw.looks, confidence) /
         NormalQuantile(0.5 + confidence / 2);
}

bool StagedPlan::PreciseEnough() const {
  // What happens at a size that nobody looked at is not known to be nothing.
  if (std::find(sizes_.begin(), sizes_.end(), false) != sizes_.end()) return false;
  const absl::StatusOr<RawEstimate> raw = Estimate();
  if (!raw.ok()) return false;
  const double widest = *std::max_element(raw->half_widths.begin(), raw->half_widths.end());
  return std::hypot(widest, UnseenHalfWidth(*raw)) <= options_.target_half_width;
}

absl::StatusOr<CreditEstimate> StagedPlan::finish() {
  if (!anchored()) {
    return absl::FailedPreconditionError("the empty and the grand coalition have no value yet");
  }
  absl::StatusOr<RawEstimate> raw = Estimate();
  if (!raw.ok()) return raw.status();
  CreditEstimate estimate;
  estimate.baseline = baseline();
  estimate.grand = grand();
  const double total = estimate.grand - estimate.baseline;
  estimate.raw_gap = total;
  for (double value : raw->values) estimate.raw_gap -= value;

  const double range = options_.value_high - options_.value_low;
  absl::StatusOr<std::vector<double>> values = Efficient(*raw, total, range);
  if (!values.ok()) return values.status();
  estimate.values = *std::move(values);
  const std::size_t n = estimate.values.size();
  estimate.std_errors.resize(n);
  estimate.low.resize(n);
  estimate.high.resize(n);
  const double unseen = UnseenHalfWidth(*raw);
  const double unseen_error = UnseenError(*raw);
  for (std::size_t i = 0; i < n; ++i) {
    const double half_width = std::hypot(raw->half_widths[i], unseen);
    estimate.std_errors[i] = std::hypot(std::sqrt(std::max(raw->variances[i], 0.0)), unseen_error);
    estimate.low[i] = estimate.values[i] - half_width;
    estimate.high[i] = estimate.values[i] + half_width;
  }
  estimate.interactions = std::move(raw->interactions);
  estimate.total_std_error = std::sqrt(total_variance());
  estimate.method = raw->method;
  estimate.interval = raw->interval;
  estimate.questions = questions_;
  estimate.samples = samples_;
  estimate.complete = complete_;
  return estimate;
}

}  // namespace assay::credit
