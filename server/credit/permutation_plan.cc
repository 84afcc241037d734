#include "server/credit/permutation_plan.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "server/credit/odd_bayes/odd_bayes.h"
#include "server/credit/quantile.h"
#include "server/credit/random.h"

namespace assay::credit {
namespace {

constexpr int kFirstDraws = 8;  // groups that a t interval wants at least
constexpr int kIdleDraws = 64;  // draws in a row that ask nothing new: the game is nearly exhausted
constexpr std::uint64_t kOrders = 1;  // stage of the generator

std::vector<std::vector<int>> Singletons(int n) {
  std::vector<std::vector<int>> unions;
  unions.reserve(n);
  for (int i = 0; i < n; ++i) unions.push_back({i});
  return unions;
}

}  // namespace

PermutationPlan::PermutationPlan(const CreditOptions& options, bool antithetic,
                                 std::vector<std::vector<int>> unions)
    : StagedPlan(options, unions.empty() ? QuestionKind::kCoalition : QuestionKind::kMessages),
      antithetic_(antithetic),
      unions_(unions.empty() ? Singletons(options.n) : std::move(unions)) {
  Start();
}

std::vector<int> PermutationPlan::Order(std::uint64_t index) const {
  const Random random(options().seed, kOrders);
  std::uint64_t next = index * (2 * PlayerSet::kMaxPlayers + 1);
  std::vector<int> order;
  const int count = static_cast<int>(unions_.size());
  const std::vector<int> outer = random.Permutation(count, next);
  next += count;
  for (int u : outer) {
    const std::vector<int> inner = random.Permutation(static_cast<int>(unions_[u].size()), next);
    next += unions_[u].size();
    for (int k : inner) order.push_back(unions_[u][k]);
  }
  return order;
}

PermutationPlan::Draw PermutationPlan::DrawOrders(std::uint64_t index) const {
  Chain chain;
  for (int player : Order(index)) chain.push_back({player});
  if (!antithetic_) return {chain};
  return {chain, Chain(chain.rbegin(), chain.rend())};
}

std::vector<PlayerSet> PermutationPlan::Prefixes(const Chain& chain) const {
  std::vector<PlayerSet> prefixes = {PlayerSet()};
  for (const std::vector<int>& group : chain) {
    PlayerSet next = prefixes.back();
    for (int player : group) next.insert(player);
    prefixes.push_back(next);
  }
  return prefixes;
}

bool PermutationPlan::Plan(const Draw& draw, std::vector<Question>& stage) {
  std::vector<PlayerSet> wanted;
  for (const Chain& chain : draw) {
    for (const PlayerSet& players : Prefixes(chain)) {
      if (asked_.contains(players)) continue;
      if (std::find(wanted.begin(), wanted.end(), players) == wanted.end()) {
        wanted.push_back(players);
      }
    }
  }
  if (static_cast<std::int64_t>(asked_.size() + wanted.size()) + repeats_ >
      options().max_questions) {
    return false;
  }
  for (const PlayerSet& players : wanted) {
    asked_.insert(players);
    stage.push_back({.samples = options().samples_per_question, .players = players});
  }
  draws_.push_back(draw);
  return true;
}

// What is left after the last whole draw: one order without its reverse if that fits; where not
// even one order was asked, coarser chains, so that any budget says something of everyone.
void PermutationPlan::FillRest(std::vector<Question>& stage) {
  const Chain order = DrawOrders(next_draw_)[0];
  if (Plan({order}, stage) || !draws_.empty()) return;
  const std::int64_t cuts = (options().max_questions - 2) / (antithetic_ ? 2 : 1);
  const std::size_t groups = static_cast<std::size_t>(cuts) + 1;
  Chain coarse(groups);
  for (std::size_t k = 0; k < order.size(); ++k) {
    coarse[k * groups / order.size()].push_back(order[k][0]);
  }
  Draw draw = {coarse};
  if (antithetic_) draw.emplace_back(coarse.rbegin(), coarse.rend());
  Plan(draw, stage);
}

// What fits no order goes to the two ends, where noise shows: their error is in every order.
void PermutationPlan::RepeatEnds(std::vector<Question>& stage) {
  const std::int64_t left =
      options().max_questions - static_cast<std::int64_t>(asked_.size()) - repeats_;
  if (!noise().worth_repeating() || left < 2) return;
  const int samples = static_cast<int>(left / 2) * options().samples_per_question;
  for (const PlayerSet& end : {PlayerSet(), PlayerSet::All(options().n)}) {
    const auto same = std::find_if(stage.begin(), stage.end(),
                                   [&](const auto& asked) { return asked.players == end; });
    if (same != stage.end()) {
      same->samples += samples;
    } else {
      stage.push_back({.samples = samples, .players = end});
    }
  }
  repeats_ += left / 2 * 2;
}

std::vector<Question> PermutationPlan::NextStage() {
  std::vector<Question> stage;
  // Stages double, so that stopping between them wastes at most half.
  const std::size_t goal = draws_.empty() ? kFirstDraws : 2 * draws_.size();
  int idle = 0;
  while (draws_.size() < goal && idle < kIdleDraws) {
    const std::size_t before = stage.size();
    if (!Plan(DrawOrders(next_draw_), stage)) {
      FillRest(stage);
      RepeatEnds(stage);
      break;
    }
    ++next_draw_;
    idle = stage.size() == before ? idle + 1 : 0;
  }
  return stage;
}

bool PermutationPlan::Record(std::size_t /*k*/, const Question& question, const Answer& answer) {
  return book_.Add(question.players, answer);
}

bool PermutationPlan::AddMarginals(const Chain& chain, double weight,
                                   std::vector<double>& credit) const {
  const std::vector<PlayerSet> prefixes = Prefixes(chain);
  std::vector<double> marginals;
  for (std::size_t k = 0; k < chain.size(); ++k) {
    const Answer* before = book_.Find(prefixes[k]);
    const Answer* after = book_.Find(prefixes[k + 1]);
    if (before == nullptr || after == nullptr) return false;
    marginals.push_back(after->mean - before->mean);
  }
  for (std::size_t k = 0; k < chain.size(); ++k) {
    for (int player : chain[k]) credit[player] += weight * marginals[k] / chain[k].size();
  }
  return true;
}

absl::StatusOr<RawEstimate> PermutationPlan::Estimate() const {
  const int n = options().n;
  // A lone pair of an order and its reverse is taken apart: two groups that overstate the variance
  // beat none.
  const bool apart = draws_.size() == 1;
  std::vector<std::vector<double>> groups;
  for (const Draw& draw : draws_) {
    std::vector<double> credit(n);
    bool whole = true;
    for (const Chain& chain : draw) {
      if (apart) credit.assign(n, 0);
      whole &= AddMarginals(chain, apart ? 1 : 1.0 / draw.size(), credit);
      if (apart && whole) groups.push_back(credit);
    }
    if (!apart && whole) groups.push_back(std::move(credit));
  }
  if (groups.empty()) return absl::FailedPreconditionError("no order is answered whole yet");
  RawEstimate raw;
  raw.method = antithetic_ ? Method::kAntithetic : Method::kPermutation;
  raw.interval = IntervalKind::kDesign;
  // An order and its reverse find the same player in the middle: together they are one look.
  raw.looks = n == 1 ? 0 : apart ? 1 : static_cast<std::int64_t>(groups.size());
  const double count = static_cast<double>(groups.size());
  const double range = options().value_high - options().value_low;
  const double t =
      count > 1 ? StudentQuantile(0.5 + options().confidence / 2, static_cast<int>(count) - 1) : 0;
  for (int i = 0; i < n; ++i) {
    double mean = 0;
    for (const std::vector<double>& group : groups) mean += group[i] / count;
    double squares = 0;
    for (const std::vector<double>& group : groups)
      squares += (group[i] - mean) * (group[i] - mean);
    // One order alone says nothing of its own spread: any credit within the range is possible.
    const double variance = count > 1 ? squares / (count * (count - 1)) : range * range;
    raw.values.push_back(mean);
    raw.variances.push_back(variance);
    raw.half_widths.push_back(count > 1 ? t * std::sqrt(variance) : 2 * range);
  }
  const bool by_player = static_cast<int>(unions_.size()) == n;
  if (by_player) raw.interactions = EstimateInteractions(n, book_);
  return raw;
}

}  // namespace assay::credit
