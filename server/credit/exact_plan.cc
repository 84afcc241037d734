#include "server/credit/exact_plan.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <utility>

#include "server/credit/answers.h"
#include "server/credit/exact.h"
#include "server/credit/odd_bayes/odd_bayes.h"
#include "server/credit/quantile.h"
#include "server/credit/random.h"

namespace assay::credit {
namespace {

constexpr std::size_t kMaxPairsPerStage = std::size_t{1} << 15;
constexpr std::size_t kMaxPartialAnswers = 1024;  // that an estimate before the end looks at

// Real numbers of samples by size of coalition, each at least 1 and together 2^n * `average`,
// beyond that in proportion to the size's weight in the error of the credits, sqrt(sum_i c_iS^2),
// c_iS the weight of v(S) in phi_i: which makes the summed variance least where all answers are
// equally noisy.
std::vector<double> SamplesBySize(int n, int average) {
  const std::vector<double> w = ShapleyWeights(n);
  std::vector<double> claim(n + 1);
  std::vector<double> count(n + 1, 1);
  for (int s = 0; s <= n; ++s) {
    const double with = s > 0 ? w[s - 1] : 0;
    const double without = s < n ? w[s] : 0;
    claim[s] = std::sqrt(s * with * with + (n - s) * without * without);
    if (s > 0) count[s] = count[s - 1] * (n - s + 1) / s;
  }
  std::vector<double> samples(n + 1, 1);
  std::vector<bool> least(n + 1);  // their claim is below one sample
  for (bool changed = true; changed;) {
    changed = false;
    double left = std::ldexp(average, n);
    double claims = 0;
    for (int s = 0; s <= n; ++s) {
      if (least[s]) left -= count[s];
      if (!least[s]) claims += count[s] * claim[s];
    }
    for (int s = 0; s <= n; ++s) {
      if (least[s]) continue;
      samples[s] = left * claim[s] / claims;
      if (samples[s] >= 1) continue;
      samples[s] = 1;
      least[s] = changed = true;
    }
  }
  return samples;
}

}  // namespace

ExactPlan::ExactPlan(const CreditOptions& options)
    : StagedPlan(options), table_(std::size_t{1} << options.n, Answer{.samples = 0}) {
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
  PlanSamples();
  Start();
}

// Whole numbers that add up to what was allowed: each pair takes what its claim adds to the rounded
// sum so far.
void ExactPlan::PlanSamples() {
  const int n = options().n;
  const int average = options().samples_per_question;
  samples_.assign(order_.size(), average);
  if (!noise().shown() || average == 1) return;
  const std::vector<double> by_size = SamplesBySize(n, average);
  double due = 0;
  std::int64_t given = 0;
  for (std::size_t k = 0; k < order_.size(); ++k) {
    due += by_size[std::popcount(order_[k])];
    samples_[k] = static_cast<int>(static_cast<std::int64_t>(std::floor(due + 0.5)) - given);
    given += samples_[k];
  }
}

std::vector<Question> ExactPlan::NextStage() {
  if (asked_ == order_.size()) return {};
  const std::size_t end = *std::upper_bound(stage_ends_.begin(), stage_ends_.end(), asked_);
  const Coalition everyone = table_.size() - 1;
  std::vector<Question> stage;
  stage.reserve(2 * (end - asked_));
  for (; asked_ < end; ++asked_) {
    const Coalition s = order_[asked_];
    stage.push_back({.samples = samples_[asked_], .players = PlayerSet::FromMask(everyone ^ s)});
    stage.push_back({.samples = samples_[asked_], .players = PlayerSet::FromMask(s)});
  }
  return stage;
}

bool ExactPlan::Record(std::size_t /*k*/, const Question& question, const Answer& answer) {
  Answer& entry = table_[question.players.mask()];
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
        if (table_[side].samples == 0) continue;
        book.Add(PlayerSet::FromMask(side), noise().Settle(table_[side]));
      }
    }
    return EstimateOddBayes(n, book, options().confidence, {});
  }
  std::vector<double> values(table_.size());
  for (std::size_t s = 0; s < values.size(); ++s) values[s] = table_[s].mean;
  RawEstimate raw;
  raw.values = ExactShapley(values, n);
  raw.interactions = ExactInteractions(values, n);
  raw.variances.resize(n);
  if (noise().shown()) {
    for (std::size_t s = 0; s < values.size(); ++s) {
      values[s] = MeanVariance(noise().Settle(table_[s]));
    }
    raw.variances = ShapleyVariance(values, n);
  }
  raw.half_widths.resize(n);
  const double z = NormalQuantile(0.5 + options().confidence / 2);
  for (int i = 0; i < n; ++i) raw.half_widths[i] = z * std::sqrt(raw.variances[i]);
  raw.method = Method::kExact;
  raw.interval = noise().shown() ? IntervalKind::kDesign : IntervalKind::kExact;
  return raw;
}

}  // namespace assay::credit
