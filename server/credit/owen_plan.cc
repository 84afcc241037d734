#include "server/credit/owen_plan.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "server/credit/answers.h"
#include "server/credit/exact.h"
#include "server/credit/quantile.h"

namespace assay::credit {
namespace {

constexpr std::size_t kMaxQuestionsPerStage = std::size_t{1} << 16;

}  // namespace

ExactOwenPlan::ExactOwenPlan(const CreditOptions& options, std::vector<std::vector<int>> members)
    : StagedPlan(options), members_(std::move(members)) {
  const int m = static_cast<int>(members_.size());
  union_weights_ = ShapleyWeights(m);
  const Coalition all = (Coalition{1} << m) - 1;
  whole_sets_.resize(all + 1);
  for (Coalition whole = 1; whole <= all; ++whole) {
    whole_sets_[whole] = whole_sets_[whole & (whole - 1)];
    for (int message : members_[std::countr_zero(whole)]) whole_sets_[whole].insert(message);
  }
  order_.reserve(options.max_questions);
  answers_.reserve(options.max_questions);
  for (Coalition whole = 0; whole <= all; ++whole) order_.push_back({.whole = all ^ whole});
  for (int i = 0; i < m; ++i) {
    const std::size_t full = (std::size_t{1} << members_[i].size()) - 1;
    for (Coalition whole = 0; whole <= all; ++whole) {
      if ((whole >> i) & 1) continue;
      for (std::size_t subset = 1; subset < full; ++subset) order_.push_back({whole, i, subset});
    }
  }
  Start();
}

std::vector<CoalitionQuestion> ExactOwenPlan::NextStage() {
  // The quotient game first: it is what the agents' own credit rests on.
  const std::size_t quotient = std::size_t{1} << members_.size();
  const std::size_t end = asked_ < quotient
                              ? std::min(quotient, asked_ + kMaxQuestionsPerStage)
                              : std::min(order_.size(), asked_ + kMaxQuestionsPerStage);
  std::vector<CoalitionQuestion> stage;
  stage.reserve(end - asked_);
  stage_ = asked_;
  for (; asked_ < end; ++asked_) {
    CoalitionQuestion& question = stage.emplace_back();
    SetPlayers(order_[asked_], question.players);
    question.samples = options().samples_per_question;
  }
  return stage;
}

void ExactOwenPlan::SetPlayers(const Parts& parts, PlayerSet& players) const {
  players = whole_sets_[parts.whole];
  if (parts.partial < 0) return;
  const std::vector<int>& messages = members_[parts.partial];
  for (std::size_t rest = parts.subset; rest != 0; rest &= rest - 1) {
    players.insert(messages[std::countr_zero(rest)]);
  }
}

bool ExactOwenPlan::Record(std::size_t k, const CoalitionQuestion& /*question*/,
                           const ValueAnswer& answer) {
  answers_.emplace_back(order_[stage_ + k], answer);
  return true;
}

void ExactOwenPlan::DepositIn(InnerGame& game, std::size_t subset, Coalition others,
                              const ValueAnswer& answer) const {
  const double weight = union_weights_[std::popcount(others)];
  game.values[subset] += weight * answer.mean;
  if (answer.variance > 0) game.variances[subset] += weight * weight * MeanVariance(answer);
}

void ExactOwenPlan::Deposit(const Parts& parts, const ValueAnswer& answer,
                            std::vector<InnerGame>& games) const {
  if (parts.partial >= 0) {
    DepositIn(games[parts.partial], parts.subset, parts.whole, answer);
    return;
  }
  for (std::size_t i = 0; i < games.size(); ++i) {
    const Coalition own = Coalition{1} << i;
    const std::size_t subset = parts.whole & own ? games[i].values.size() - 1 : 0;
    DepositIn(games[i], subset, parts.whole & ~own, answer);
  }
}

absl::StatusOr<RawEstimate> ExactOwenPlan::Estimate() const {
  if (answers_.size() < order_.size()) {
    return absl::FailedPreconditionError("not every set of messages has a value yet");
  }
  const bool noisy = noise().shown();
  std::vector<InnerGame> games;
  games.reserve(members_.size());
  for (const std::vector<int>& messages : members_) {
    const std::size_t subsets = std::size_t{1} << messages.size();
    games.push_back({std::vector<double>(subsets), std::vector<double>(noisy ? subsets : 0)});
  }
  for (const auto& [parts, answer] : answers_) Deposit(parts, noise().Settle(answer), games);
  RawEstimate raw;
  raw.values.resize(options().n);
  raw.variances.resize(options().n);
  raw.half_widths.resize(options().n);
  const double z = noisy ? NormalQuantile(0.5 + options().confidence / 2) : 0;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    const std::vector<int>& messages = members_[i];
    const int size = static_cast<int>(messages.size());
    const std::vector<double> phi = ExactShapley(games[i].values, size);
    for (int k = 0; k < size; ++k) raw.values[messages[k]] = phi[k];
    if (!noisy) continue;
    const std::vector<double> variance = ShapleyVariance(games[i].variances, size);
    for (int k = 0; k < size; ++k) {
      raw.variances[messages[k]] = variance[k];
      raw.half_widths[messages[k]] = z * std::sqrt(variance[k]);
    }
  }
  raw.method = Method::kExact;
  raw.interval = noisy ? IntervalKind::kDesign : IntervalKind::kExact;
  return raw;
}

}  // namespace assay::credit
