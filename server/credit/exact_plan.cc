#include "server/credit/exact_plan.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>

#include "server/credit/answers.h"
#include "server/credit/exact.h"
#include "server/credit/quantile.h"

namespace assay::credit {
namespace {

constexpr std::size_t kMaxPairsPerStage = std::size_t{1} << 15;

}  // namespace

ExactPlan::ExactPlan(const CreditOptions& options)
    : StagedPlan(options), table_(std::size_t{1} << options.n, ValueAnswer{.samples = 0}) {
  const int n = options.n;
  const Coalition everyone = table_.size() - 1;
  order_.reserve(table_.size() / 2);
  order_.push_back(everyone);
  const Coalition last = Coalition{1} << (n - 1);
  const auto is_first_pair = [&](Coalition s) {
    const int size = std::popcount(s);
    return size == 1 || size >= n - 1;
  };
  for (Coalition s = last; s < everyone; ++s) {
    if (is_first_pair(s)) order_.push_back(s);
  }
  first_stage_ = order_.size();
  for (Coalition s = last; s < everyone; ++s) {
    if (!is_first_pair(s)) order_.push_back(s);
  }
  Start();
}

std::vector<CoalitionQuestion> ExactPlan::NextStage() {
  const std::size_t end =
      asked_ == 0 ? first_stage_ : std::min(order_.size(), asked_ + kMaxPairsPerStage);
  const Coalition everyone = table_.size() - 1;
  std::vector<CoalitionQuestion> stage;
  stage.reserve(2 * (end - asked_));
  for (; asked_ < end; ++asked_) {
    const Coalition s = order_[asked_];
    stage.push_back({PlayerSet::FromMask(everyone ^ s), options().samples_per_question});
    stage.push_back({PlayerSet::FromMask(s), options().samples_per_question});
  }
  return stage;
}

bool ExactPlan::Record(const CoalitionQuestion& question, const ValueAnswer& answer) {
  ValueAnswer& entry = table_[question.players.mask()];
  const bool is_new = entry.samples == 0;
  Merge(answer, entry);
  answered_ += is_new;
  return is_new;
}

absl::StatusOr<RawEstimate> ExactPlan::Estimate() const {
  const int n = options().n;
  if (answered_ < table_.size()) {
    return absl::FailedPreconditionError("not every coalition has a value yet");
  }
  std::vector<double> values(table_.size());
  for (std::size_t s = 0; s < values.size(); ++s) values[s] = table_[s].mean;
  bool noisy = false;
  for (const ValueAnswer& answer : table_) noisy |= answer.variance > 0;
  RawEstimate raw;
  raw.values = ExactShapley(values, n);
  raw.banzhaf = ExactBanzhaf(values, n);
  raw.interactions = ExactInteractions(values, n);
  raw.variances.resize(n);
  if (noisy) {
    for (std::size_t s = 0; s < values.size(); ++s) values[s] = MeanVariance(table_[s]);
    raw.variances = ShapleyVariance(values, n);
  }
  raw.half_widths.resize(n);
  const double z = NormalQuantile(0.5 + options().confidence / 2);
  for (int i = 0; i < n; ++i) raw.half_widths[i] = z * std::sqrt(raw.variances[i]);
  raw.method = Method::kExact;
  raw.interval = noisy ? IntervalKind::kDesign : IntervalKind::kExact;
  return raw;
}

}  // namespace assay::credit
