#include "server/credit/regression_plan.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "server/credit/odd_bayes/odd_bayes.h"
#include "server/credit/quantile.h"
#include "server/credit/random.h"

namespace assay::credit {
namespace {

// Of a row that the fit follows wholly, whose residual is 0 whatever its answer.
constexpr double kLeastFreedom = 1e-3;

constexpr std::uint64_t kSubsets = 1;  // stages of the generator
constexpr std::uint64_t kOrder = 2;
constexpr std::uint64_t kSizes = 3;

// Number of complementary pairs whose smaller side has that size; a large number beyond 2^53.
double PairsOfSize(int n, int size) {
  double count = 1;
  for (int k = 0; k < size; ++k) count = count * (n - k) / (k + 1);
  return 2 * size == n ? count / 2 : count;
}

// Shares `total` pairs among the sizes 1..n/2 evenly (half as much for size n/2), none above its
// number of pairs.
std::vector<std::int64_t> ShareBySize(int n, std::int64_t total) {
  const int half = n / 2;
  std::vector<double> capacity(half + 1);
  std::vector<double> claim(half + 1);
  for (int s = 1; s <= half; ++s) {
    capacity[s] = PairsOfSize(n, s);
    claim[s] = 2 * s == n ? 0.5 : 1;
  }
  std::vector<std::int64_t> share(half + 1);
  std::vector<bool> full(half + 1);
  double left = static_cast<double>(total);
  for (bool changed = true; changed;) {
    changed = false;
    double claims = 0;
    for (int s = 1; s <= half; ++s) claims += full[s] ? 0 : claim[s];
    for (int s = 1; s <= half; ++s) {
      if (full[s] || left * claim[s] / claims < capacity[s]) continue;
      full[s] = changed = true;
      share[s] = static_cast<std::int64_t>(capacity[s]);
      left -= capacity[s];
      break;
    }
  }
  double claims = 0;
  for (int s = 1; s <= half; ++s) claims += full[s] ? 0 : claim[s];
  double due = 0;
  std::int64_t given = 0;
  for (int s = 1; s <= half; ++s) {
    if (full[s]) continue;
    due += left * claim[s] / claims;
    share[s] = static_cast<std::int64_t>(std::floor(due + 1e-9)) - given;
    given += share[s];
  }
  return share;
}

}  // namespace

RegressionPlan::RegressionPlan(const CreditOptions& options, bool leverage)
    : StagedPlan(options), leverage_(leverage) {
  if (options.n > 1) leverage_ ? SamplePairs() : SampleSingles();
  Start();
}

PlayerSet RegressionPlan::RandomSubset(int size, std::uint64_t draw) const {
  const int n = options().n;
  const Random random(options().seed, kSubsets);
  const std::vector<int> order = random.Permutation(n, draw * PlayerSet::kMaxPlayers);
  PlayerSet players;
  for (int k = 0; k < size; ++k) players.insert(order[k]);
  return players;
}

void RegressionPlan::SamplePairs() {
  const int n = options().n;
  const std::vector<std::int64_t> share = ShareBySize(n, (options().max_questions - 2) / 2);
  absl::flat_hash_set<PlayerSet> seen;
  std::uint64_t draw = 0;
  for (int s = 1; s <= n / 2; ++s) {
    // Rejection is cheap while a size is far from exhausted. An exhausted one is small, and its
    // last pairs come after about C log C draws.
    for (std::int64_t k = 0; k < share[s];) {
      const PlayerSet players = RandomSubset(s, draw++);
      const PlayerSet other = players.Complement(n);
      if (!seen.insert(std::min(players, other)).second) continue;
      samples_.push_back({players});
      ++k;
    }
  }
  const Random random(options().seed, kOrder);
  const std::vector<int> order = random.Permutation(static_cast<int>(samples_.size()), 0);
  std::vector<Sample> shuffled;
  shuffled.reserve(order.size());
  for (int k : order) shuffled.push_back(samples_[k]);
  samples_ = std::move(shuffled);
}

void RegressionPlan::SampleSingles() {
  const int n = options().n;
  std::vector<double> upto(n);  // of the kernel's weight by size: 1 / (s (n-s))
  for (int s = 1; s < n; ++s) upto[s] = upto[s - 1] + 1.0 / (s * (n - s));
  absl::flat_hash_map<PlayerSet, std::size_t> index;
  const Random random(options().seed, kSizes);
  const std::int64_t wanted = options().max_questions - 2;
  for (std::uint64_t draw = 0; static_cast<std::int64_t>(samples_.size()) < wanted; ++draw) {
    // Coupon collecting the last rare coalitions would take for ever: enough is enough.
    if (draw > 20 * static_cast<std::uint64_t>(wanted)) break;
    const double target = random.Unit(draw) * upto[n - 1];
    int s = 1;
    while (s < n - 1 && upto[s] < target) ++s;
    const PlayerSet players = RandomSubset(s, draw);
    const auto [position, is_new] = index.try_emplace(players, samples_.size());
    if (is_new) {
      samples_.push_back({players, 1, static_cast<std::int64_t>(draw)});
    } else {
      ++samples_[position->second].draws;
    }
    if (options().target_half_width > 0) draws_.push_back(static_cast<int>(position->second));
  }
}

std::vector<Question> RegressionPlan::NextStage() {
  const int n = options().n;
  const int repeats = options().samples_per_question;
  std::vector<Question> stage;
  if (asked_ == 0 && !anchored()) {
    stage.push_back({.samples = repeats, .players = PlayerSet()});
    stage.push_back({.samples = repeats, .players = PlayerSet::All(n)});
  }
  // Without a precision to reach there is nothing to wait for between stages.
  std::size_t end = samples_.size();
  if (options().target_half_width > 0) {
    end = std::min(end, std::max<std::size_t>(4 * n, 2 * asked_));
  }
  for (; asked_ < end; ++asked_) {
    const PlayerSet& players = samples_[asked_].players;
    stage.push_back({.samples = repeats, .players = players});
    if (leverage_) stage.push_back({.samples = repeats, .players = players.Complement(n)});
  }
  return stage;
}

bool RegressionPlan::Record(std::size_t /*k*/, const Question& question, const Answer& answer) {
  return book_.Add(question.players, answer);
}

// The kernel's weight of a size, (n-1) / (s (n-s)), over the number of coalitions that stand for
// it.
double RegressionPlan::SizeWeight(int size, int drawn) const {
  const double n = options().n;
  return (n - 1) / (size * (n - size)) / drawn;
}

// Where the plan stops early, later draws of what was asked do not count: a coalition of a common
// size would, and those of rare sizes that had not come up yet would not.
std::vector<int> RegressionPlan::DrawsSoFar() const {
  std::vector<int> draws(asked_);
  const bool all = asked_ == samples_.size() || draws_.empty();
  for (std::size_t k = 0; all && k < asked_; ++k) draws[k] = samples_[k].draws;
  for (std::int64_t d = 0; !all && d < samples_[asked_].first_draw; ++d) ++draws[draws_[d]];
  return draws;
}

absl::StatusOr<RawEstimate> RegressionPlan::Estimate() const {
  const int n = options().n;
  const double total = grand() - baseline();
  struct Row {
    const Sample* sample;
    double response;
  };
  std::vector<Row> rows;
  std::vector<int> drawn(n + 1);
  // v(S) = v(empty) + sum of credits in S, credits = total / n + deviations that sum to zero:
  // regress what exceeds the even share on the centred membership. A pair enters as half the
  // difference of its two sides.
  for (std::size_t k = 0; k < asked_; ++k) {
    const Sample& sample = samples_[k];
    const Answer* own = book_.Find(sample.players);
    const Answer* other = leverage_ ? book_.Find(sample.players.Complement(n)) : nullptr;
    if (own == nullptr || (leverage_ && other == nullptr)) continue;
    const int size = sample.players.size();
    const double even_share = total * size / n;
    const double response = leverage_ ? (own->mean - other->mean) / 2 - (even_share - total / 2)
                                      : own->mean - baseline() - even_share;
    rows.push_back({&sample, response});
    drawn[size] += sample.draws;
  }
  const std::vector<int> draws = DrawsSoFar();
  const int m = static_cast<int>(rows.size());
  Eigen::MatrixXd members(n, m);
  Eigen::VectorXd weight(m);
  Eigen::VectorXd response(m);
  for (int k = 0; k < m; ++k) {
    const PlayerSet& players = rows[k].sample->players;
    const int size = players.size();
    for (int i = 0; i < n; ++i) {
      members(i, k) = (players.contains(i) ? 1.0 : 0.0) - static_cast<double>(size) / n;
    }
    // Drawn in proportion to the kernel, a coalition counts by its draws; by size, it stands for
    // its share of the size.
    weight[k] = leverage_ ? SizeWeight(size, drawn[size]) : draws[rows[k].sample - samples_.data()];
    response[k] = rows[k].response;
  }
  Eigen::VectorXd deviation = Eigen::VectorXd::Zero(n);
  Eigen::VectorXd variance = Eigen::VectorXd::Constant(n, 0);
  const int freedom = m - (n - 1);
  if (m > 0) {
    const Eigen::MatrixXd weighted = members * weight.asDiagonal();
    const Eigen::MatrixXd gram = weighted * members.transpose();
    // Rank n - 1 at most: memberships are centred. The pseudo-inverse takes the smallest of the
    // equally good credits.
    const Eigen::CompleteOrthogonalDecomposition<Eigen::MatrixXd> solver(gram);
    deviation = solver.solve(weighted * response);
    const Eigen::VectorXd residual = response - members.transpose() * deviation;
    if (freedom > 0) {
      // Heteroscedasticity-robust: inverse * sum w^2 r^2 x x^T * inverse (White 1980), each
      // residual as it would be without its own row (HC3, MacKinnon and White 1985). A fit through
      // few rows follows them, and its own residuals would promise too much.
      const Eigen::MatrixXd pull = solver.solve(weighted);
      const Eigen::ArrayXd own_share = (members.array() * pull.array()).colwise().sum();
      const Eigen::VectorXd left_out = residual.array() / (1 - own_share).max(kLeastFreedom);
      variance = (pull * left_out.asDiagonal()).rowwise().squaredNorm();
    }
  }
  RawEstimate raw;
  raw.method = leverage_ ? Method::kLeverage : Method::kKernel;
  raw.interval = IntervalKind::kDesign;
  raw.looks = n == 1 ? 0 : std::max(1, m);
  const double range = options().value_high - options().value_low;
  const bool known = n == 1 || freedom > 0;
  const double t = freedom > 0 ? StudentQuantile(0.5 + options().confidence / 2, freedom) : 0;
  for (int i = 0; i < n; ++i) {
    raw.values.push_back(total / n + deviation[i]);
    raw.variances.push_back(known ? variance[i] : range * range);
    raw.half_widths.push_back(known ? t * std::sqrt(variance[i]) : 2 * range);
  }
  if (leverage_) raw.interactions = EstimateInteractions(n, book_);
  return raw;
}

}  // namespace assay::credit
