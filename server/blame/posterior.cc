#include "server/blame/posterior.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

namespace assay::blame {
namespace {

constexpr double kImpossible = -std::numeric_limits<double>::infinity();
constexpr double kScoreClip = 0.02;
constexpr double kDust = 1e-12;
constexpr double kPriorFloor = 0.05;
constexpr double kPrefixValueTrials = 4;
// A policy of value zero must not make a single lucky rollout impossible.
constexpr double kSmallestRate = 1e-9;
// How often one right message lifts a state that was Low before it.
constexpr double kRescued = 0.15;
// In rates of a node's rollouts, 30 ns each: a node of the chain, and about a second.
constexpr double kChainCost = 32;
constexpr double kMaxSharedCost = 3e7;

double Logit(double p) { return std::log(p) - std::log1p(-p); }

// Weak policies: High nodes succeed as often as the start does.
double WeakPolicyFactor(const Evidence& evidence, const Parameters& parameters) {
  if (!evidence.start_value) return 1;
  const auto& rates = parameters.high_rates;
  const auto& weights = parameters.high_weights;
  const double mean =
      weights.empty()
          ? std::accumulate(rates.begin(), rates.end(), 0.0) / static_cast<double>(rates.size())
          : std::inner_product(rates.begin(), rates.end(), weights.begin(), 0.0);
  const double start = (*evidence.start_value - evidence.low) / (evidence.high - evidence.low);
  return std::fmin(1.0, start / mean);
}

double Scaled(double rate, double factor) {
  return std::clamp(rate * factor, kSmallestRate, 1 - kSmallestRate);
}

// The mean of a RateGrid before any rollout, without its logarithms.
double PriorMean(const std::vector<double>& rates, const std::vector<double>& weights,
                 double factor) {
  const double total = weights.empty() ? static_cast<double>(rates.size())
                                       : std::accumulate(weights.begin(), weights.end(), 0.0);
  double mean = 0;
  for (size_t i = 0; i < rates.size(); ++i) {
    mean += (weights.empty() ? 1 : weights[i]) / total * Scaled(rates[i], factor);
  }
  return mean;
}

// The weights of a node's rate in an episode of this level: its own draw, or the episode's.
std::vector<double> SharedWeights(const std::vector<double>& weights,
                                  const std::vector<double>& rates, double share, int level) {
  if (level == kNoLevel) return weights;
  const double equal = 1.0 / static_cast<double>(rates.size());
  std::vector<double> shared(rates.size());
  for (size_t i = 0; i < rates.size(); ++i) {
    shared[i] = (1 - share) * (weights.empty() ? equal : weights[i]);
  }
  shared[level] += share;
  return shared;
}

bool IsAgents(const Evidence& evidence, int message) { return evidence.authors[message] >= 0; }

int AgentsMessages(const Evidence& evidence) {
  return static_cast<int>(std::count_if(evidence.authors.begin(), evidence.authors.end(),
                                        [](int author) { return author >= 0; }));
}

void AddTransitions(const Evidence& evidence, const std::vector<double>& prior,
                    const std::vector<double>& log_ratio, const Parameters& parameters,
                    Chain& chain) {
  const double repair = parameters.repair_rate / std::max(1, AgentsMessages(evidence));
  const double log_repair = std::log(-std::expm1(-repair));
  const double log_share = std::log(parameters.propagated_share);
  const double log_own = std::log1p(-parameters.propagated_share);
  for (int t = 0; t < chain.messages(); ++t) {
    if (!IsAgents(evidence, t)) {
      chain.high_low[t] = chain.low_high[t] = kImpossible;
      continue;
    }
    const double hazard = parameters.error_rate * prior[t];
    chain.high_high[t] = -hazard;
    chain.high_low[t] = std::log(-std::expm1(-hazard)) + log_ratio[t];
    chain.low_high[t] = log_repair;
    chain.low_low[t] = -repair + LogAdd(log_own, log_share + log_ratio[t]);
  }
}

void AddRollouts(const Evidence& evidence, const Parameters& parameters, const RateLevel& level,
                 Chain& chain) {
  if (evidence.nodes.empty() && evidence.corrections.empty()) return;
  const RateGrids rates(evidence, parameters, level);
  // The outcome fixes the last node; rollouts there would only repeat it.
  for (int j = 0; j < chain.messages() && j < static_cast<int>(evidence.nodes.size()); ++j) {
    const double high = rates.high.LogLikelihood(evidence.nodes[j]);
    const double low = rates.low.LogLikelihood(evidence.nodes[j]);
    const double shared = std::fmax(high, low);
    chain.log_shared += shared;
    chain.node_high[j] += high - shared;
    chain.node_low[j] += low - shared;
  }
  for (const Correction& correction : evidence.corrections) {
    double high = rates.high.LogLikelihood(correction.rollouts);
    double low = rates.low.LogLikelihood(correction.rollouts);
    const double shared = std::fmax(high, low);
    chain.log_shared += shared;
    high -= shared;
    low -= shared;
    const int t = correction.message;
    chain.high_high[t] += high;
    chain.high_low[t] += high;
    chain.low_high[t] += high;
    chain.low_low[t] += LogAdd(std::log1p(-kRescued) + low, std::log(kRescued) + high);
  }
}

void ClampOutcome(Outcome outcome, ErrorDefinition definition, Chain& chain) {
  if (outcome == Outcome::kFailure) chain.node_high.back() = kImpossible;
  // A success says nothing about a single wrong step on the way.
  if (outcome == Outcome::kSuccess && definition != ErrorDefinition::kIncorrectStep) {
    chain.node_low.back() = kImpossible;
  }
}

void ForceFirst(int message, Chain& chain) {
  chain.start_low = kImpossible;
  for (int t = 0; t < message; ++t) chain.high_low[t] = kImpossible;
  chain.high_high[message] = kImpossible;
  // The condition holds even where the prior ruled the message out.
  if (chain.high_low[message] == kImpossible) chain.high_low[message] = 0;
}

void ForceDecisive(int message, Chain& chain) {
  chain.node_low[message] = kImpossible;
  for (int j = message + 1; j <= chain.messages(); ++j) chain.node_high[j] = kImpossible;
}

void ForceAnnotation(const Evidence& evidence, Chain& chain) {
  if (evidence.annotations.empty()) return;
  ForceFirst(*std::min_element(evidence.annotations.begin(), evidence.annotations.end()), chain);
}

// In a success the caller's marks say where it was Low: from each repaired message to the last one
// that repaired it, High just before and just after.
void ForceRepairs(const Evidence& evidence, Chain& chain) {
  std::vector<bool> low(chain.messages() + 1, false);
  for (const RepairMark& mark : evidence.repairs) {
    for (int j = mark.repaired + 1; j <= mark.message; ++j) low[j] = true;
  }
  for (int j = 0; j <= chain.messages(); ++j) {
    if (low[j]) {
      chain.node_high[j] = kImpossible;
    } else if ((j > 0 && low[j - 1]) || (j < chain.messages() && low[j + 1])) {
      chain.node_low[j] = kImpossible;
    }
  }
}

bool MarksApply(const Evidence& evidence, ErrorDefinition definition) {
  return evidence.outcome == Outcome::kSuccess && !evidence.repairs.empty() &&
         definition != ErrorDefinition::kIncorrectStep;
}

// Statements of the caller can contradict each other or the outcome (the last message of a success
// annotated as its first error). The annotation stands; marks yield first, then the outcome.
Chain ConsistentChain(const Evidence& evidence, const std::vector<double>& prior,
                      const std::vector<double>& log_ratio, const Parameters& parameters,
                      ErrorDefinition definition, const RateLevel& level, Marginals& marginals) {
  Chain chain = BuildChain(evidence, prior, log_ratio, parameters, definition, level);
  if (MarksApply(evidence, definition)) {
    Chain marked = chain;
    ForceRepairs(evidence, marked);
    marginals = ForwardBackward(marked);
    if (marginals.log_evidence > kImpossible) return marked;
  }
  marginals = ForwardBackward(chain);
  if (marginals.log_evidence > kImpossible) return chain;
  chain.node_high.back() = chain.node_low.back() = 0;
  marginals = ForwardBackward(chain);
  return chain;
}

bool AnyRollouts(const Evidence& evidence, ErrorDefinition definition) {
  if (definition == ErrorDefinition::kIncorrectStep) return false;
  const int before_last = static_cast<int>(evidence.authors.size());
  for (int j = 0; j < before_last && j < static_cast<int>(evidence.nodes.size()); ++j) {
    if (evidence.nodes[j].trials > 0) return true;
  }
  return std::any_of(evidence.corrections.begin(), evidence.corrections.end(),
                     [](const Correction& c) { return c.rollouts.trials > 0; });
}

Tier TierOf(const Evidence& evidence, const std::vector<double>& log_ratio,
            ErrorDefinition definition) {
  if (!evidence.annotations.empty() || MarksApply(evidence, definition)) return Tier::kAnnotation;
  if (AnyRollouts(evidence, definition)) return Tier::kRollouts;
  if (std::any_of(log_ratio.begin(), log_ratio.end(), [](double l) { return l != 0; })) {
    return Tier::kScores;
  }
  return evidence.prior_from_text ? Tier::kText : Tier::kNone;
}

std::vector<bool> Suspects(const Evidence& evidence, const Posterior& posterior) {
  const double average = 1.0 / std::max(1, AgentsMessages(evidence));
  std::vector<bool> suspect(evidence.authors.size(), false);
  for (size_t t = 0; t < suspect.size(); ++t) {
    suspect[t] = evidence.authors[t] >= 0 &&
                 (posterior.tier >= Tier::kRollouts || posterior.log_ratio[t] > 0 ||
                  (evidence.prior_from_text && posterior.prior[t] > average));
  }
  return suspect;
}

int Likeliest(const std::vector<double>& mass) {
  const auto best = std::max_element(mass.begin(), mass.end());
  return best == mass.end() || *best <= 0 ? -1 : static_cast<int>(best - mass.begin());
}

std::vector<int> CredibleSet(const std::vector<double>& first, double credible) {
  std::vector<int> order(first.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return first[a] > first[b]; });
  // Rounding in the sum must not call for one message more.
  double missing = credible * std::accumulate(first.begin(), first.end(), 0.0) * (1 - 1e-12);
  size_t size = 0;
  while (size < order.size() && missing > 0) missing -= first[order[size++]];
  order.resize(size);
  std::sort(order.begin(), order.end());
  return order;
}

bool MayClaim(Outcome outcome, Tier tier) {
  switch (outcome) {
    case Outcome::kFailure:
      return tier != Tier::kNone;
    case Outcome::kSuccess:
      return tier >= Tier::kRollouts;
    case Outcome::kOpen:
      return false;
  }
  return false;
}

void Claim(const PosteriorOptions& options, Outcome outcome, Posterior& out) {
  out.likeliest_first = Likeliest(out.first);
  out.likeliest_decisive = Likeliest(out.decisive);
  out.likeliest_agent = Likeliest(out.agent_first);
  if (!MayClaim(outcome, out.tier)) return;
  const auto claim = [&](const std::vector<double>& mass, int likeliest) -> std::optional<int> {
    if (likeliest < 0 || !out.suspect[likeliest]) return std::nullopt;
    if (mass[likeliest] < options.confidence) return std::nullopt;
    return likeliest;
  };
  out.claimed_first = claim(out.first, out.likeliest_first);
  out.claimed_decisive = claim(out.decisive, out.likeliest_decisive);
}

std::vector<double> ExpectedValues(const Evidence& evidence, const Parameters& parameters,
                                   const std::vector<double>& high, ErrorDefinition definition,
                                   const RateLevel& level) {
  std::optional<RateGrids> rates;
  if (!evidence.nodes.empty() && definition != ErrorDefinition::kIncorrectStep) {
    rates.emplace(evidence, parameters, level);
  }
  const auto& p = parameters;
  const double default_high = PriorMean(
      p.high_rates, SharedWeights(p.high_weights, p.high_rates, p.shared_level, level.high),
      WeakPolicyFactor(evidence, p));
  const double default_low = PriorMean(
      p.low_rates, SharedWeights(p.low_weights, p.low_rates, p.shared_level, level.low), 1.0);
  std::vector<double> value(high.size());
  for (size_t j = 0; j < high.size(); ++j) {
    const bool own = rates.has_value() && evidence.nodes[j].trials > 0;
    const double mean_high = own ? rates->high.PosteriorMean(evidence.nodes[j]) : default_high;
    const double mean_low = own ? rates->low.PosteriorMean(evidence.nodes[j]) : default_low;
    value[j] = evidence.low +
               (evidence.high - evidence.low) * (high[j] * mean_high + (1 - high[j]) * mean_low);
  }
  value.back() = evidence.score;
  return value;
}

// Marginals and values under one level, or under all.
struct Belief {
  Marginals marginals;
  std::vector<double> value;
};

// The mixture of beliefs by their evidence, as they come: what was added so far is scaled down
// where a more probable one arrives.
class Mixture {
  template <class B>  // Belief, const or not
  static auto Parts(B& belief) {
    auto& m = belief.marginals;
    return std::array{&m.first, &m.decisive, &m.repair, &m.error, &m.high, &belief.value};
  }

 public:
  void Add(const Belief& belief, double log_weight) {
    const double log_evidence = belief.marginals.log_evidence + log_weight;
    if (log_evidence == kImpossible) return;
    if (log_evidence > top_) {
      Scale(std::exp(top_ - log_evidence));
      top_ = log_evidence;
    }
    const double weight = std::exp(log_evidence - top_);
    total_ += weight;
    const auto parts = Parts(sum_);
    const auto added = Parts(belief);
    for (size_t i = 0; i < parts.size(); ++i) {
      parts[i]->resize(added[i]->size());
      for (size_t k = 0; k < added[i]->size(); ++k) (*parts[i])[k] += weight * (*added[i])[k];
    }
    sum_.marginals.stayed_high += weight * belief.marginals.stayed_high;
    sum_.marginals.started_low += weight * belief.marginals.started_low;
  }

  Belief Take() {
    sum_.marginals.log_evidence = top_ + std::log(total_);
    Scale(1 / total_);
    return std::move(sum_);
  }

 private:
  void Scale(double factor) {
    for (std::vector<double>* part : Parts(sum_)) {
      for (double& x : *part) x *= factor;
    }
    sum_.marginals.stayed_high *= factor;
    sum_.marginals.started_low *= factor;
    if (total_ > 0) total_ *= factor;
  }

  Belief sum_;
  double total_ = 0;
  double top_ = kImpossible;
};

Posterior Summarise(const Evidence& evidence, const PosteriorOptions& options, Belief belief,
                    std::vector<double> log_ratio, std::vector<double> prior) {
  Posterior out;
  Marginals& marginals = belief.marginals;
  const bool flips = options.definition == ErrorDefinition::kCorrectionFlips;
  out.first = flips ? marginals.decisive : std::move(marginals.first);
  out.decisive = std::move(marginals.decisive);
  out.repair = std::move(marginals.repair);
  out.error = std::move(marginals.error);
  out.high = std::move(marginals.high);
  out.none = flips ? std::fmax(0.0, 1 - std::accumulate(out.first.begin(), out.first.end(), 0.0))
                   : marginals.stayed_high + marginals.started_low;
  out.log_evidence = marginals.log_evidence;
  out.value = std::move(belief.value);
  out.tier = TierOf(evidence, log_ratio, options.definition);
  out.rolled_out = AnyRollouts(evidence, options.definition);
  out.log_ratio = std::move(log_ratio);
  out.prior = std::move(prior);
  out.agent_first.assign(evidence.agents, 0.0);
  for (size_t t = 0; t < out.first.size(); ++t) {
    if (evidence.authors[t] >= 0) out.agent_first[evidence.authors[t]] += out.first[t];
  }
  out.suspect = Suspects(evidence, out);
  Claim(options, evidence.outcome, out);
  out.credible_set = CredibleSet(out.first, options.credible);
  return out;
}

}  // namespace

RateGrid::RateGrid(const std::vector<double>& rates, const std::vector<double>& weights,
                   double factor) {
  const double equal = 1.0 / static_cast<double>(rates.size());
  for (size_t i = 0; i < rates.size(); ++i) {
    rates_.push_back(Scaled(rates[i], factor));
    log_success_.push_back(std::log(rates_.back()));
    log_failure_.push_back(std::log1p(-rates_.back()));
    log_weight_.push_back(std::log(weights.empty() ? equal : weights[i]));
  }
}

double RateGrid::LogWeight(const Rollouts& r, size_t i) const {
  return log_weight_[i] + r.successes * log_success_[i] +
         (r.trials - r.successes) * log_failure_[i];
}

double RateGrid::LogLikelihood(const Rollouts& r) const {
  if (r.trials <= 0) return 0;
  double sum = kImpossible;
  for (size_t i = 0; i < rates_.size(); ++i) sum = LogAdd(sum, LogWeight(r, i));
  return sum;
}

std::vector<double> RateGrid::Responsibilities(const Rollouts& r) const {
  std::vector<double> weight(rates_.size());
  for (size_t i = 0; i < rates_.size(); ++i) weight[i] = LogWeight(r, i);
  const double best = *std::max_element(weight.begin(), weight.end());
  for (double& w : weight) w = std::exp(w - best);
  const double sum = std::accumulate(weight.begin(), weight.end(), 0.0);
  for (double& w : weight) w /= sum;
  return weight;
}

double RateGrid::PosteriorMean(const Rollouts& r) const {
  const std::vector<double> weight = Responsibilities(r);
  return std::inner_product(weight.begin(), weight.end(), rates_.begin(), 0.0);
}

RateGrids::RateGrids(const Evidence& evidence, const Parameters& p, const RateLevel& level)
    : high(p.high_rates, SharedWeights(p.high_weights, p.high_rates, p.shared_level, level.high),
           WeakPolicyFactor(evidence, p)),
      low(p.low_rates, SharedWeights(p.low_weights, p.low_rates, p.shared_level, level.low), 1.0) {}

bool CanShareLevels(size_t messages, const Parameters& parameters, size_t times) {
  if (messages > kMaxSharedMessages) return false;
  const auto highs = static_cast<double>(parameters.high_rates.size());
  const auto lows = static_cast<double>(parameters.low_rates.size());
  const double nodes = static_cast<double>(messages) * static_cast<double>(times);
  return nodes * highs * lows * (kChainCost + highs + lows) <= kMaxSharedCost;
}

std::vector<RateLevel> Levels(const Evidence& evidence, const Parameters& parameters) {
  if (parameters.shared_level <= 0 || !CanShareLevels(evidence.authors.size(), parameters)) {
    return {RateLevel()};
  }
  const auto log_weight = [](const std::vector<double>& weights, size_t size, size_t i) {
    return weights.empty() ? -std::log(static_cast<double>(size)) : std::log(weights[i]);
  };
  const size_t highs = parameters.high_rates.size(), lows = parameters.low_rates.size();
  std::vector<RateLevel> levels;
  levels.reserve(highs * lows);
  for (size_t i = 0; i < highs; ++i) {
    for (size_t k = 0; k < lows; ++k) {
      levels.push_back({static_cast<int>(i), static_cast<int>(k),
                        log_weight(parameters.high_weights, highs, i) +
                            log_weight(parameters.low_weights, lows, k)});
    }
  }
  return levels;
}

Rollouts FromPrefixValue(double value, double low, double high) {
  return {kPrefixValueTrials * (value - low) / (high - low), kPrefixValueTrials};
}

std::vector<double> ErrorLogRatios(const std::vector<Score>& scores, int messages,
                                   const Parameters& parameters) {
  std::vector<double> log_ratio(messages, 0.0);
  std::vector<int> judges(messages, 0);
  const double base = Logit(parameters.base_rate);
  for (const Score& score : scores) {
    const double correct = std::clamp((1 + score.value) / 2, kScoreClip, 1 - kScoreClip);
    log_ratio[score.message] += -Logit(correct) - base;
    ++judges[score.message];
  }
  for (int t = 0; t < messages; ++t) {
    if (judges[t] > 1) log_ratio[t] /= 1 + (judges[t] - 1) * parameters.judge_correlation;
    // Judges who cancel each other out leave rounding behind, which is no evidence.
    if (std::abs(log_ratio[t]) <= kDust) log_ratio[t] = 0;
  }
  return log_ratio;
}

std::vector<double> NormalisedPrior(const Evidence& evidence) {
  const size_t messages = evidence.authors.size();
  std::vector<double> prior(messages, 0.0);
  double sum = 0;
  for (size_t t = 0; t < messages; ++t) {
    if (evidence.authors[t] < 0) continue;
    prior[t] = evidence.prior.empty() ? 1.0 : evidence.prior[t];
    sum += prior[t];
  }
  if (sum > 0) {
    for (double& p : prior) p /= sum;
  }
  return prior;
}

std::vector<double> CreditPrior(const std::vector<int>& authors, const std::vector<double>& credit,
                                double range) {
  std::vector<int> messages(credit.size(), 0);
  for (const int author : authors) {
    if (author >= 0) ++messages[author];
  }
  std::vector<double> prior(authors.size(), 0.0);
  for (size_t t = 0; t < authors.size(); ++t) {
    if (authors[t] < 0) continue;
    const double harm = std::fmax(0.0, -credit[authors[t]]) / range;
    prior[t] = (kPriorFloor + harm) / messages[authors[t]];
  }
  return prior;
}

Chain BuildChain(const Evidence& evidence, const std::vector<double>& prior,
                 const std::vector<double>& log_ratio, const Parameters& parameters,
                 ErrorDefinition definition, const RateLevel& level) {
  Chain chain(static_cast<int>(evidence.authors.size()));
  chain.start_high = std::log(parameters.start_high);
  chain.start_low = std::log1p(-parameters.start_high);
  AddTransitions(evidence, prior, log_ratio, parameters, chain);
  if (definition == ErrorDefinition::kIncorrectStep) {
    std::fill(chain.low_high.begin(), chain.low_high.end(), kImpossible);
  } else {
    AddRollouts(evidence, parameters, level, chain);
  }
  ClampOutcome(evidence.outcome, definition, chain);
  ForceAnnotation(evidence, chain);
  return chain;
}

namespace {

// `first` < 0: no condition.
Posterior Compute(const Evidence& evidence, int first, const Parameters& parameters,
                  const PosteriorOptions& options) {
  std::vector<double> prior = NormalisedPrior(evidence);
  std::vector<double> log_ratio =
      ErrorLogRatios(evidence.scores, static_cast<int>(evidence.authors.size()), parameters);
  const auto believe = [&](const RateLevel& level) {
    Belief belief;
    Chain chain = ConsistentChain(evidence, prior, log_ratio, parameters, options.definition, level,
                                  belief.marginals);
    if (first >= 0) {
      if (options.definition == ErrorDefinition::kCorrectionFlips) {
        ForceDecisive(first, chain);
      } else {
        ForceFirst(first, chain);
      }
      belief.marginals = ForwardBackward(chain);
    }
    belief.value =
        ExpectedValues(evidence, parameters, belief.marginals.high, options.definition, level);
    return belief;
  };
  const std::vector<RateLevel> levels = Levels(evidence, parameters);
  Belief all = believe(levels.front());
  if (levels.size() > 1 && all.marginals.log_evidence > kImpossible) {
    Mixture mixture;
    mixture.Add(all, levels.front().log_weight);
    for (size_t i = 1; i < levels.size(); ++i)
      mixture.Add(believe(levels[i]), levels[i].log_weight);
    all = mixture.Take();
    all.value.back() = evidence.score;
  }
  return Summarise(evidence, options, std::move(all), std::move(log_ratio), std::move(prior));
}

}  // namespace

Posterior ComputePosterior(const Evidence& evidence, const Parameters& parameters,
                           const PosteriorOptions& options) {
  return Compute(evidence, -1, parameters, options);
}

Posterior ConditionOnFirst(const Evidence& evidence, int message, const Parameters& parameters,
                           const PosteriorOptions& options) {
  return Compute(evidence, message, parameters, options);
}

}  // namespace assay::blame
