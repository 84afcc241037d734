#include "server/blame/rates.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "server/blame/chain.h"

namespace assay::blame {
namespace {

constexpr double kImpossible = -std::numeric_limits<double>::infinity();
constexpr double kPrefixValueTrials = 4;
// In rates of a node's rollouts, 30 ns each: a node of the chain, and about a second.
constexpr double kChainCost = 32;
constexpr double kMaxSharedCost = 3e7;
// A policy of value zero must not make a single lucky rollout impossible.
constexpr double kSmallestRate = 1e-9;
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

double RateGrid::PosteriorMean(const Rollouts& r) const { return PosteriorMoments(r).mean; }

RateMoments RateGrid::PosteriorMoments(const Rollouts& r) const {
  const std::vector<double> weight = Responsibilities(r);
  RateMoments moments;
  for (size_t i = 0; i < rates_.size(); ++i) {
    moments.mean += weight[i] * rates_[i];
    moments.mean_square += weight[i] * rates_[i] * rates_[i];
  }
  return moments;
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

RateMeans MeanRates(const Evidence& evidence, const Parameters& p, const RateLevel& level) {
  return {PriorMean(p.high_rates,
                    SharedWeights(p.high_weights, p.high_rates, p.shared_level, level.high),
                    WeakPolicyFactor(evidence, p)),
          PriorMean(p.low_rates,
                    SharedWeights(p.low_weights, p.low_rates, p.shared_level, level.low), 1.0)};
}

Rollouts FromPrefixValue(double value, double low, double high) {
  return {kPrefixValueTrials * (value - low) / (high - low), kPrefixValueTrials};
}

}  // namespace assay::blame
