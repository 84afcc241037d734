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
    : StagedPlan(options, QuestionKind::kMessages), members_(std::move(members)) {
  const Coalition all = (Coalition{1} << members_.size()) - 1;
  whole_sets_.resize(all + 1);
  for (Coalition whole = 1; whole <= all; ++whole) {
    whole_sets_[whole] = whole_sets_[whole & (whole - 1)];
    for (int message : members_[std::countr_zero(whole)]) whole_sets_[whole].insert(message);
  }
  for (const std::vector<int>& own : members_) sizes_.push_back(static_cast<int>(own.size()));
  order_.reserve(options.max_questions);
  answers_.reserve(options.max_questions);
  ForEachOwenSet(sizes_, [&](const OwenSet& set) { order_.push_back(set); });
  Start();
}

std::vector<Question> ExactOwenPlan::NextStage() {
  // The quotient game first: it is what the agents' own credit rests on.
  const std::size_t quotient = std::size_t{1} << members_.size();
  const std::size_t end = asked_ < quotient
                              ? std::min(quotient, asked_ + kMaxQuestionsPerStage)
                              : std::min(order_.size(), asked_ + kMaxQuestionsPerStage);
  std::vector<Question> stage;
  stage.reserve(end - asked_);
  for (; asked_ < end; ++asked_) {
    Question& question = stage.emplace_back();
    SetPlayers(order_[asked_], question.players);
    question.samples = options().samples_per_question;
  }
  return stage;
}

void ExactOwenPlan::SetPlayers(const OwenSet& set, PlayerSet& players) const {
  players = whole_sets_[set.whole];
  if (set.partial < 0) return;
  const std::vector<int>& messages = members_[set.partial];
  for (std::size_t rest = set.subset; rest != 0; rest &= rest - 1) {
    players.insert(messages[std::countr_zero(rest)]);
  }
}

bool ExactOwenPlan::Record(std::size_t /*k*/, const Question& /*question*/, const Answer& answer) {
  answers_.push_back(answer);
  return true;
}

absl::StatusOr<RawEstimate> ExactOwenPlan::Estimate() const {
  if (answers_.size() < order_.size()) {
    return absl::FailedPreconditionError("not every set of messages has a value yet");
  }
  const bool noisy = noise().shown();
  InnerGames games(sizes_, noisy);
  for (std::size_t k = 0; k < order_.size(); ++k) {
    const Answer answer = noise().Settle(answers_[k]);
    games.Deposit(order_[k], answer.mean, MeanVariance(answer));
  }
  RawEstimate raw;
  raw.values.resize(options().n);
  raw.variances.resize(options().n);
  raw.half_widths.resize(options().n);
  const double z = noisy ? NormalQuantile(0.5 + options().confidence / 2) : 0;
  for (int i = 0; i < static_cast<int>(members_.size()); ++i) {
    const std::vector<int>& messages = members_[i];
    const int size = sizes_[i];
    const std::vector<double> phi = ExactShapley(games.values(i), size);
    for (int k = 0; k < size; ++k) raw.values[messages[k]] = phi[k];
    if (!noisy) continue;
    const std::vector<double> variance = ShapleyVariance(games.variances(i), size);
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
