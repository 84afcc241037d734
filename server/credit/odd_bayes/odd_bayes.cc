#include "server/credit/odd_bayes/odd_bayes.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "server/credit/odd_bayes/ard_prior.h"
#include "server/credit/odd_bayes/even_part.h"
#include "server/credit/odd_bayes/isotropic_prior.h"
#include "server/credit/odd_bayes/threshold_model.h"
#include "server/credit/quantile.h"
#include "server/credit/random.h"

namespace assay::credit {
namespace {

// Before any fit: what the spectrum of a game with too few answers to tell is taken to be.
constexpr IsotropicSpectrum kUnfitted = {.third = 0.1, .decay = 0.3, .white = 0.01};
// To design with before the first fit: few high orders, many.
constexpr IsotropicSpectrum kNarrow = {.third = 0.15, .decay = 0.3, .white = 0.02};
constexpr IsotropicSpectrum kWide = {.third = 0.6, .decay = 0.6, .white = 0.15};
constexpr double kOneSidedRatio = 0.1;
constexpr double kArdPenalty = 1;          // nats an agent, for its own relevance
constexpr double kThresholdPenalty = 0.5;  // nats an agent, for its weight
constexpr double kExplainedShare = 0.99;   // of the threshold model, beside the isotropic prior
constexpr int kFitPairs = 128;             // settle the hyperparameters; more only cost time
constexpr int kColdSteps = 30;
constexpr std::size_t kFewPairs =
    36;  // up to which a fit may take its time, and is not yet to be trusted alone
constexpr std::int64_t kHalfStepQuestions = 100;
constexpr int kWarmSteps = 6;    // from the stage before
constexpr int kEnumerated = 13;  // agents up to which every pair is at hand as a candidate
constexpr int kCandidates =
    150;  // a random choice of so many loses little; more where many are to be picked
// There are always as many to be drawn: those beyond kEnumerated agents with 2 or more on each
// side.
static_assert(3 * kMaxModelQuestions < (1 << kEnumerated) - kEnumerated - 2);
constexpr int kInteractionPairs = 192;

OddView ViewWholePairs(int n, const AnswerBook& book) {
  OddView view;
  view.data.n = n;
  const PlayerSet everyone = PlayerSet::All(n);
  for (const AnswerBook::Entry& entry : book.entries()) {
    const Coalition players = entry.players.mask();
    if (CanonicalPair(players, n) != players) continue;
    const Answer* other = book.Find(entry.players ^ everyone);
    if (other == nullptr) continue;
    view.data.pairs.push_back(players);
    view.data.odd.push_back((entry.answer.mean - other->mean) / 2);
    view.even.push_back((entry.answer.mean + other->mean) / 2);
    const double noise = (MeanVariance(entry.answer) + MeanVariance(*other)) / 4;
    view.data.noise.push_back(noise);
    view.even_noise.push_back(noise);
  }
  view.whole = static_cast<int>(view.data.pairs.size());
  return view;
}

// The even part as the pairs other than (empty, everyone) show it: in a constant-sum game that pair
// fits in, elsewhere it would only hide how well the others predict each other.
EvenPart InnerEvenPart(const OddView& view) {
  const Coalition everyone = PlayerSet::All(view.data.n).mask();
  std::vector<Coalition> pairs;
  std::vector<double> even;
  std::vector<double> noise;
  for (int a = 0; a < view.whole; ++a) {
    if (view.data.pairs[a] == everyone) continue;
    pairs.push_back(view.data.pairs[a]);
    even.push_back(view.even[a]);
    noise.push_back(view.even_noise[a]);
  }
  return EvenPart(view.data.n, std::move(pairs), even, noise);
}

void AddLoneSides(const AnswerBook& book, OddView& view) {
  const int n = view.data.n;
  const PlayerSet everyone = PlayerSet::All(n);
  std::vector<const AnswerBook::Entry*> lone;
  for (const AnswerBook::Entry& entry : book.entries()) {
    if (book.Find(entry.players ^ everyone) == nullptr) lone.push_back(&entry);
  }
  if (lone.empty() || view.whole < 2) return;
  const EvenPart even = InnerEvenPart(view);
  for (const AnswerBook::Entry* entry : lone) {
    const Coalition players = entry->players.mask();
    const Coalition pair = CanonicalPair(players, n);
    const EvenPart::Prediction predicted = even.At(pair);
    const double sign = pair == players ? 1 : -1;
    view.data.pairs.push_back(pair);
    view.data.odd.push_back(sign * (entry->answer.mean - predicted.mean));
    view.data.noise.push_back(predicted.variance + MeanVariance(entry->answer));
  }
}

ArdFit FitRelevance(const OddData& data, const FitStart& start) {
  const bool fast = start.ard.size() > 0 && data.pairs.size() > kFewPairs;
  return FitArd(data, start.ard, fast ? kWarmSteps : kColdSteps);
}

bool IsNoisy(const OddData& data) {
  return std::any_of(data.noise.begin(), data.noise.end(), [](double v) { return v > 0; });
}

// Mean square of the leave-one-out errors over the whole pairs.
double LooError(const Eigen::VectorXd& loo, const OddView& view) {
  return loo.head(view.whole).squaredNorm() / view.whole;
}

double LooError(const IsotropicFit& fit, const OddView& view) {
  return LooError(Condition(fit.prior, view.data, fit.scale, !IsNoisy(view.data)).loo, view);
}

// The threshold model's share in a mixture with a process of this leave-one-out error.
double ThresholdShare(const ThresholdModel& threshold, const OddView& view, double process_loo) {
  const double loo = threshold.LooError(view.data, view.whole);
  // Where all answers are equal both predict without error, and neither is better.
  constexpr double kLeast = std::numeric_limits<double>::min();
  const double better = std::log((process_loo + kLeast) / (loo + kLeast));
  const double gap = 0.5 * view.whole * better - kThresholdPenalty * view.data.n;
  return 1 / (1 + std::exp(-std::clamp(gap, -50.0, 50.0)));
}

// Whether the threshold model so surpasses the isotropic prior that a prior of many
// hyperparameters need not be fitted beside them. With few agents that fit is cheap.
bool Explains(const std::optional<ThresholdModel>& threshold, const OddView& view,
              double isotropic_loo) {
  return threshold.has_value() && view.data.n > kMaxThresholdTable &&
         ThresholdShare(*threshold, view, isotropic_loo) > kExplainedShare;
}

}  // namespace

Coalition CanonicalPair(Coalition players, int n) {
  return (players >> (n - 1)) & 1 ? players : PlayerSet::All(n).mask() ^ players;
}

OddView ViewOdd(int n, const AnswerBook& book) {
  OddView view = ViewWholePairs(n, book);
  AddLoneSides(book, view);
  return view;
}

RawEstimate EstimateOddBayes(int n, const AnswerBook& book, double confidence,
                             const FitStart& start) {
  const OddView view = ViewOdd(n, book);
  const OddData& data = view.data;
  const int m = static_cast<int>(data.pairs.size());
  const bool noisy = IsNoisy(data);
  RawEstimate raw;
  raw.method = Method::kOddBayes;
  raw.interval = IntervalKind::kModel;
  raw.looks = n == 1 ? 0 : std::max(1, m);
  Eigen::VectorXd credit;
  Eigen::VectorXd variance;
  double process_loo = 0;
  std::optional<ThresholdModel> threshold;
  if (m < n + 1) {
    const OddPosterior posterior = Condition(IsotropicPrior(n, kUnfitted), data, 1, !noisy);
    credit = posterior.credit;
    variance = posterior.covariance.diagonal();
  } else {
    const OddData head = data.Head(std::min(m, kFitPairs));
    const IsotropicFit isotropic = FitIsotropic(head, start.isotropic);
    const OddPosterior a = Condition(isotropic.prior, data, isotropic.scale, !noisy);
    credit = a.credit;
    variance = a.covariance.diagonal();
    process_loo = LooError(a.loo, view);
    threshold = ThresholdModel::Fit(n, book);
    if (!Explains(threshold, view, process_loo)) {
      const ArdFit ard = FitRelevance(head, start);
      const OddPosterior b = Condition(ard.prior, data, ard.scale, !noisy);
      const double gap = b.log_predictive - kArdPenalty * n - a.log_predictive;
      const double share = 1 / (1 + std::exp(-std::clamp(gap, -50.0, 50.0)));
      credit = (1 - share) * a.credit + share * b.credit;
      variance = (1 - share) * a.covariance.diagonal() + share * b.covariance.diagonal();
      process_loo = LooError((1 - share) * a.loo + share * b.loo, view);
      variance.array() += share * (1 - share) * (a.credit - b.credit).array().square();
    }
  }
  if (threshold.has_value()) {
    const double share = ThresholdShare(*threshold, view, process_loo);
    for (int i = 0; i < n; ++i) {
      const double off = threshold->credit()[i] - credit[i];
      variance[i] = (1 - share) * variance[i] + share * threshold->variance()[i] +
                    share * (1 - share) * off * off;
      credit[i] += share * off;
    }
  }
  const double z = NormalQuantile(0.5 + confidence / 2);
  for (int i = 0; i < n; ++i) {
    raw.values.push_back(credit[i]);
    raw.variances.push_back(std::max(variance[i], 0.0));
    raw.half_widths.push_back(z * std::sqrt(raw.variances.back()));
  }
  raw.interactions = EstimateInteractions(n, book);
  return raw;
}

std::vector<PairInteraction> EstimateInteractions(int n, const AnswerBook& book) {
  if (n > 64) return {};
  OddView view = ViewWholePairs(n, book);
  if (view.whole == 0) return {};
  const int count = std::min(view.whole, kInteractionPairs);
  view.data.pairs.resize(count);
  view.even.resize(count);
  view.even_noise.resize(count);
  return EvenPart(n, std::move(view.data.pairs), view.even, view.even_noise).Interactions();
}

OddBayesPlan::OddBayesPlan(const CreditOptions& options) : StagedPlan(options) { Start(); }

bool OddBayesPlan::Record(std::size_t /*k*/, const Question& question, const Answer& answer) {
  return book_.Add(question.players, answer);
}

absl::StatusOr<RawEstimate> OddBayesPlan::Estimate() const {
  return EstimateOddBayes(options().n, book_.Settled(noise()), options().confidence, start_);
}

std::vector<Question> OddBayesPlan::Ask(const std::vector<Coalition>& picks) const {
  std::vector<Coalition> pairs;
  absl::flat_hash_map<Coalition, int> times;
  for (Coalition pick : picks) {
    if (++times[pick] == 1) pairs.push_back(pick);
  }
  const Coalition everyone = PlayerSet::All(options().n).mask();
  const Random side(options().seed, 1000 + stage_);
  std::vector<Question> questions;
  for (std::size_t k = 0; k < pairs.size(); ++k) {
    const int samples = options().samples_per_question * times[pairs[k]];
    if (one_sided_) {
      const Coalition players = side.Unit(k) < 0.5 ? pairs[k] : everyone ^ pairs[k];
      questions.push_back({.samples = samples, .players = PlayerSet::FromMask(players)});
    } else {
      questions.push_back(
          {.samples = samples, .players = PlayerSet::FromMask(everyone ^ pairs[k])});
      questions.push_back({.samples = samples, .players = PlayerSet::FromMask(pairs[k])});
    }
  }
  return questions;
}

// The pair (empty, everyone), then a single agent and all others for as many agents as the budget
// lets.
std::vector<Question> OddBayesPlan::FirstStage() {
  const int n = options().n;
  std::vector<Coalition> pairs = {PlayerSet::All(n).mask()};
  const std::vector<int> order = Random(options().seed, 0).Permutation(n, 0);
  for (int i : order) {
    if (2 * static_cast<std::int64_t>(pairs.size()) + 2 > options().max_questions) break;
    pairs.push_back(CanonicalPair(Coalition{1} << i, n));
  }
  return Ask(pairs);
}

std::vector<Coalition> OddBayesPlan::Candidates(const std::vector<Coalition>& so_far,
                                                int wanted) const {
  const int n = options().n;
  const absl::flat_hash_set<Coalition> known(so_far.begin(), so_far.end());
  std::vector<Coalition> candidates;
  const Coalition last = Coalition{1} << (n - 1);
  if (n <= kEnumerated) {
    for (Coalition pair = last; pair < 2 * last; ++pair) {
      if (!known.contains(pair)) candidates.push_back(pair);
    }
    const Random random(options().seed, 2000 + stage_);
    const std::vector<int> order = random.Permutation(static_cast<int>(candidates.size()), 0);
    std::vector<Coalition> chosen;
    for (int k : order) {
      if (static_cast<int>(chosen.size()) == std::max(kCandidates, 3 * wanted)) break;
      chosen.push_back(candidates[k]);
    }
    return chosen;
  }
  const std::size_t count = std::max(2 * kCandidates, 3 * wanted);
  absl::flat_hash_set<Coalition> seen = known;
  const Random random(options().seed, 2000 + stage_);
  for (std::uint64_t draw = 0; candidates.size() < count; ++draw) {
    const std::uint64_t first = draw * (n + 1);
    const int size = 2 + static_cast<int>(random.Unit(first) * (n - 3));
    const std::vector<int> order = random.Permutation(n, first + 1);
    Coalition players = 0;
    for (int k = 0; k < size; ++k) players |= Coalition{1} << order[k];
    const Coalition pair = CanonicalPair(players, n);
    if (seen.insert(pair).second) candidates.push_back(pair);
  }
  return candidates;
}

std::int64_t OddBayesPlan::NextTarget(std::int64_t used, std::int64_t step) const {
  std::int64_t target = options().max_questions;
  const std::int64_t n = options().n;
  for (std::int64_t level : {3 * n, 4 * n, 8 * n, 16 * n, 32 * n}) {
    if (used + step <= level) target = std::min(target, level);
  }
  // While answers are few and fits cheap, another look halfway pays, unless many more follow.
  const std::int64_t half = 6 * n;
  if (options().max_questions < 2 * half && half <= kHalfStepQuestions && used + step <= half) {
    target = std::min(target, half);
  }
  return target;
}

// Whether one side of a pair tells the other: where the even part is predicted much better than the
// odd part.
bool OddBayesPlan::EvenPartIsKnown(const OddView& view, const IsotropicFit& fit) const {
  if (view.whole < 2 * options().n) return false;
  return InnerEvenPart(view).LooVariance() < kOneSidedRatio * LooError(fit, view);
}

DesignSoFar OddBayesPlan::SoFar(const OddView& view) const {
  DesignSoFar so_far;
  so_far.pairs = view.data.pairs;
  if (!noise().worth_repeating() || one_sided_) return so_far;
  const PlayerSet everyone = PlayerSet::All(options().n);
  so_far.noise = view.data.noise;
  so_far.noise.front() = 0;
  const int samples = options().samples_per_question;
  double variance = 0;
  for (const AnswerBook::Entry& entry : book_.entries()) {
    variance += noise().Settle(entry.answer).variance;
  }
  so_far.fresh_noise = variance / (2 * samples * static_cast<double>(book_.entries().size()));
  so_far.total_variance = total_variance();
  so_far.total_asks = std::max(1, book_.Find(everyone)->samples / samples);
  return so_far;
}

std::vector<Question> OddBayesPlan::NextStage() {
  const int n = options().n;
  const std::int64_t used = asked();
  if (stage_++ == 0) return FirstStage();
  const std::int64_t step = one_sided_ ? 1 : 2;
  const std::int64_t left = NextTarget(used, step) - used;
  if (left < step) return {};
  const AnswerBook settled = book_.Settled(noise());
  const OddView view = ViewOdd(n, settled);
  const int m = static_cast<int>(view.data.pairs.size());
  const IsotropicPrior narrow(n, kNarrow);
  const IsotropicPrior wide(n, kWide);
  std::optional<IsotropicFit> isotropic;
  std::optional<ArdFit> ard;
  std::optional<ThresholdModel> threshold;
  std::optional<ThresholdModel::Prior> threshold_prior;
  std::vector<ScaledPrior> priors = {{&narrow}, {&wide}};
  if (m > n + 1) {
    const OddData head = view.data.Head(std::min(m, kFitPairs));
    isotropic = FitIsotropic(head, start_.isotropic);
    start_.isotropic = isotropic->parameters;
    priors = {{&isotropic->prior, isotropic->scale}};
    threshold = ThresholdModel::Fit(n, settled);
    if (!threshold.has_value() || !Explains(threshold, view, LooError(*isotropic, view))) {
      ard = FitRelevance(head, start_);
      start_.ard = ard->parameters;
      priors.push_back({&ard->prior, ard->scale});
    }
    if (view.data.pairs.size() <= kFewPairs) priors.push_back({&wide, isotropic->scale});
    one_sided_ = one_sided_ || EvenPartIsKnown(view, *isotropic);
  }
  if (threshold.has_value()) {
    threshold_prior.emplace(*threshold);
    priors.push_back({&*threshold_prior});
  }
  const int count = static_cast<int>(left / (one_sided_ ? 1 : 2));
  const std::vector<Coalition> candidates = Candidates(view.data.pairs, count);
  if (candidates.empty()) return {};
  return Ask(
      ExtendDesign(SoFar(view), count, priors, candidates, Random(options().seed, 3000 + stage_)));
}

}  // namespace assay::credit
