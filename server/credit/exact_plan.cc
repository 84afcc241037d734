#include "server/credit/exact_plan.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <utility>

#include "server/credit/answers.h"
#include "server/credit/exact.h"
#include "server/credit/odd_bayes.h"
#include "server/credit/quantile.h"
#include "server/credit/random.h"

namespace assay::credit {
namespace {

constexpr std::size_t kMaxPairsPerStage = std::size_t{1} << 15;
constexpr std::size_t kMaxPartialAnswers = 1024;  // that an estimate before the end looks at

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
  stage_ends_.push_back(order_.size());
  // The rest in random order, so that whatever is answered by a deadline is a fair sample: an early
  // stage with about as many pairs as an estimate needs, then blocks.
  for (Coalition s = last; s < everyone; ++s) {
    if (!is_first_pair(s)) order_.push_back(s);
  }
  const Random random(options.seed, 0);
  for (std::size_t k = order_.size() - 1; k > stage_ends_[0]; --k) {
    const std::size_t span = k - stage_ends_[0] + 1;
    std::swap(order_[k], order_[stage_ends_[0] + static_cast<std::size_t>(random.Unit(k) * span)]);
  }
  for (std::size_t end = std::max<std::size_t>(4 * n, stage_ends_[0]);
       stage_ends_.back() < order_.size(); end = std::min(4 * end, end + kMaxPairsPerStage)) {
    stage_ends_.push_back(std::min(end, order_.size()));
  }
  Start();
}

std::vector<CoalitionQuestion> ExactPlan::NextStage() {
  if (asked_ == order_.size()) return {};
  const std::size_t end = *std::upper_bound(stage_ends_.begin(), stage_ends_.end(), asked_);
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
    AnswerBook book;
    for (Coalition pair : order_) {
      if (book.entries().size() >= kMaxPartialAnswers) break;
      for (Coalition side : {pair, (table_.size() - 1) ^ pair}) {
        if (table_[side].samples > 0) book.Add(PlayerSet::FromMask(side), table_[side]);
      }
    }
    return EstimateOddBayes(n, book, options().confidence, {});
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
