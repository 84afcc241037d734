#include "server/blame/em.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"

namespace assay::blame {
namespace {

constexpr double kSmallest = 1e-6;    // of a probability or a weight: none is ever ruled out
constexpr double kNegligible = 1e-9;  // of a level's weight in an episode
constexpr double kLeastRate = 1e-3, kLargestRate = 1e3;

// One message's share in a rate: with exposure e it happens with probability 1 - exp(-rate e).
struct Exposure {
  double exposure = 0;
  double happened = 0;  // expected
  double did_not = 0;
};

// What the E-step adds up over all episodes.
struct Statistics {
  explicit Statistics(const Parameters& parameters)
      : high(parameters.high_rates.size(), 0.0), low(parameters.low_rates.size(), 0.0) {}

  double episodes = 0, started_high = 0;
  std::vector<Exposure> errors, repairs;                  // of agents' messages
  std::vector<Exposure> context_errors, context_repairs;  // of context
  double scored_low = 0, looked_wrong = 0;
  std::vector<double> high, low;      // expected nodes, and episodes, of each rate
  double rolled_out = 0, shared = 0;  // nodes with rollouts; those with the rate of their episode
  double log_evidence = 0;

  // Of one episode, by the probability of a level: the exposures are those of the same messages.
  void Mix(const Statistics& level, double weight);
  // Another episode.
  void Append(const Statistics& episode);

 private:
  void AddCounts(const Statistics& other, double weight);
};

void Statistics::AddCounts(const Statistics& other, double weight) {
  episodes += weight * other.episodes;
  started_high += weight * other.started_high;
  scored_low += weight * other.scored_low;
  looked_wrong += weight * other.looked_wrong;
  for (size_t i = 0; i < high.size(); ++i) high[i] += weight * other.high[i];
  for (size_t i = 0; i < low.size(); ++i) low[i] += weight * other.low[i];
  rolled_out += weight * other.rolled_out;
  shared += weight * other.shared;
  log_evidence += weight * other.log_evidence;
}

void Statistics::Mix(const Statistics& level, double weight) {
  const auto mix = [weight](const std::vector<Exposure>& from, std::vector<Exposure>& to) {
    to.resize(from.size());
    for (size_t i = 0; i < from.size(); ++i) {
      to[i].exposure = from[i].exposure;
      to[i].happened += weight * from[i].happened;
      to[i].did_not += weight * from[i].did_not;
    }
  };
  mix(level.errors, errors);
  mix(level.repairs, repairs);
  mix(level.context_errors, context_errors);
  mix(level.context_repairs, context_repairs);
  AddCounts(level, weight);
}

void Statistics::Append(const Statistics& episode) {
  const auto append = [](const std::vector<Exposure>& from, std::vector<Exposure>& to) {
    to.insert(to.end(), from.begin(), from.end());
  };
  append(episode.errors, errors);
  append(episode.repairs, repairs);
  append(episode.context_errors, context_errors);
  append(episode.context_repairs, context_repairs);
  AddCounts(episode, 1);
}

std::vector<double> WeightsOf(const std::vector<double>& weights, size_t size) {
  return weights.empty() ? std::vector<double>(size, 1.0 / static_cast<double>(size)) : weights;
}

// Nodes of one state: `share` is how many of them of the level's rate have it from their episode.
void AddNodes(const std::vector<double>& responsibilities, double weight, int level, double share,
              std::vector<double>& counts, Statistics& sum) {
  for (size_t i = 0; i < counts.size(); ++i) {
    double own = weight * responsibilities[i];
    if (static_cast<int>(i) == level) {
      sum.shared += own * share;
      own *= 1 - share;
    }
    counts[i] += own;
  }
  sum.rolled_out += weight;
}

double ShareOfLevel(const std::vector<double>& weights, const Parameters& parameters, int level) {
  if (level == kNoLevel) return 0;
  const double own = (1 - parameters.shared_level) * weights[level];
  return parameters.shared_level / (parameters.shared_level + own);
}

void AddRates(const Evidence& evidence, const Parameters& parameters, const RateLevel& level,
              const Marginals& marginals, Statistics& sum) {
  const RateGrids grids(evidence, parameters, level);
  const double high_share = ShareOfLevel(parameters.high_weights, parameters, level.high);
  const double low_share = ShareOfLevel(parameters.low_weights, parameters, level.low);
  // The episode's own draws; without rollouts they are the prior's, which is no news.
  if (level.high != kNoLevel) {
    sum.high[level.high] += 1;
    sum.low[level.low] += 1;
  }
  const std::vector<Rollouts> nodes = AllRollouts(evidence, ErrorDefinition::kStaysUnlikely);
  for (size_t j = 0; j < nodes.size(); ++j) {
    if (nodes[j].trials <= 0) continue;
    const auto high = grids.high.Responsibilities(nodes[j]);
    const auto low = grids.low.Responsibilities(nodes[j]);
    AddNodes(high, marginals.high[j], level.high, high_share, sum.high, sum);
    AddNodes(low, 1 - marginals.high[j], level.low, low_share, sum.low, sum);
  }
}

void AddMarginals(const Evidence& evidence, const Parameters& parameters, const RateLevel& level,
                  const std::vector<double>& prior, const std::vector<double>& log_ratio,
                  const Marginals& m, Statistics& sum) {
  const int messages = static_cast<int>(evidence.authors.size());
  sum.episodes += 1;
  sum.started_high += m.high[0];
  const double agents_messages = CountAgentsMessages(evidence);
  for (int t = 0; t < messages; ++t) {
    const double stayed_low = std::fmax(0.0, 1 - m.high[t] - m.repair[t]);
    const double stayed_high = std::fmax(0.0, m.high[t] - m.error[t]);
    if (evidence.authors[t] < 0) {
      const double exposure = 1 / (messages - agents_messages);
      sum.context_errors.push_back({exposure, m.error[t], stayed_high});
      sum.context_repairs.push_back({exposure, m.repair[t], stayed_low});
      continue;
    }
    if (prior[t] > 0) sum.errors.push_back({prior[t], m.error[t], stayed_high});
    sum.repairs.push_back({1 / agents_messages, m.repair[t], stayed_low});
    if (log_ratio[t] == 0) continue;
    const double share = parameters.propagated_share;
    const double wrong = share * std::exp(log_ratio[t]);
    sum.scored_low += stayed_low;
    sum.looked_wrong += stayed_low * wrong / (1 - share + wrong);
  }
  AddRates(evidence, parameters, level, m, sum);
}

void AddEpisode(const Evidence& evidence, const Parameters& parameters, Statistics& sum) {
  const std::vector<double> prior = NormalisedPrior(evidence);
  const std::vector<double> log_ratio =
      ErrorLogRatios(evidence.scores, static_cast<int>(evidence.authors.size()), parameters);
  const std::vector<RateLevel> levels = Levels(evidence, parameters);
  std::vector<Marginals> marginals;
  double total = -std::numeric_limits<double>::infinity();
  for (const RateLevel& level : levels) {
    marginals.push_back(ForwardBackward(BuildChain(evidence, prior, log_ratio, parameters,
                                                   ErrorDefinition::kStaysUnlikely, level)));
    total = LogAdd(total, marginals.back().log_evidence + level.log_weight);
  }
  // Statements that contradict the outcome say nothing about the parameters.
  if (total == -std::numeric_limits<double>::infinity()) return;
  Statistics episode(parameters);
  for (size_t i = 0; i < levels.size(); ++i) {
    const double weight = std::exp(marginals[i].log_evidence + levels[i].log_weight - total);
    if (weight < kNegligible) continue;
    Statistics one(parameters);
    AddMarginals(evidence, parameters, levels[i], prior, log_ratio, marginals[i], one);
    episode.Mix(one, weight);
  }
  episode.log_evidence = total;
  sum.Append(episode);
}

Statistics Expect(absl::Span<const Evidence> episodes, const Parameters& parameters) {
  Statistics sum(parameters);
  for (const Evidence& evidence : episodes) AddEpisode(evidence, parameters, sum);
  return sum;
}

// The prior: Beta on shares, Gamma on rates, Dirichlet on weights, each with its mode at the start.
class Prior {
 public:
  Prior(const Parameters& start, double strength) : start_(start), strength_(strength) {}

  double LogDensity(const Parameters& p) const {
    return LogBeta(p.start_high, start_.start_high) +
           (start_.shared_level > 0 ? LogBeta(p.shared_level, start_.shared_level) : 0) +
           LogBeta(p.propagated_share, start_.propagated_share) +
           LogGamma(p.error_rate, start_.error_rate) + LogGamma(p.repair_rate, start_.repair_rate) +
           LogGamma(p.context_error_rate, start_.context_error_rate) +
           LogGamma(p.context_repair_rate, start_.context_repair_rate) +
           LogDirichlet(p.high_weights, start_.high_weights) +
           LogDirichlet(p.low_weights, start_.low_weights);
  }

  // Modes of the posteriors given expected counts.
  double Share(double start, double yes, double all) const {
    if (strength_ + all <= 0) return start;
    return std::clamp((yes + strength_ * start) / (all + strength_), kSmallest, 1 - kSmallest);
  }

  std::vector<double> Weights(const std::vector<double>& start,
                              const std::vector<double>& counts) const {
    std::vector<double> weights(counts.size());
    double sum = 0;
    for (size_t i = 0; i < counts.size(); ++i) {
      weights[i] = std::fmax(kSmallest, counts[i] + strength_ * start[i]);
      sum += weights[i];
    }
    for (double& weight : weights) weight /= sum;
    return weights;
  }

  // The objective is concave in the rate: bisection on its derivative, in the log of the rate.
  double Rate(double start, const std::vector<Exposure>& exposures) const {
    if (exposures.empty()) return start;
    const auto slope = [&](double rate) {
      double sum = strength_ * (start / rate - 1);
      for (const Exposure& e : exposures) {
        sum += e.exposure * (e.happened / std::expm1(rate * e.exposure) - e.did_not);
      }
      return sum;
    };
    double low = std::log(kLeastRate), high = std::log(kLargestRate);
    for (int i = 0; i < 60; ++i) {
      const double middle = (low + high) / 2;
      (slope(std::exp(middle)) > 0 ? low : high) = middle;
    }
    return std::exp((low + high) / 2);
  }

 private:
  double LogBeta(double p, double mode) const {
    return strength_ * (mode * std::log(p) + (1 - mode) * std::log1p(-p));
  }
  double LogGamma(double rate, double mode) const {
    return strength_ * (mode * std::log(rate) - rate);
  }
  double LogDirichlet(const std::vector<double>& weights, const std::vector<double>& mode) const {
    double sum = 0;
    for (size_t i = 0; i < weights.size(); ++i) sum += strength_ * mode[i] * std::log(weights[i]);
    return sum;
  }

  const Parameters& start_;
  const double strength_;
};

void Maximise(const Statistics& sum, const Parameters& start, const Prior& prior,
              Parameters& parameters) {
  parameters.start_high = prior.Share(start.start_high, sum.started_high, sum.episodes);
  parameters.propagated_share =
      prior.Share(start.propagated_share, sum.looked_wrong, sum.scored_low);
  // Nothing shared is a model of its own, which no evidence leaves.
  if (start.shared_level > 0) {
    parameters.shared_level = prior.Share(start.shared_level, sum.shared, sum.rolled_out);
  }
  parameters.error_rate = prior.Rate(start.error_rate, sum.errors);
  parameters.repair_rate = prior.Rate(start.repair_rate, sum.repairs);
  parameters.context_error_rate = prior.Rate(start.context_error_rate, sum.context_errors);
  parameters.context_repair_rate = prior.Rate(start.context_repair_rate, sum.context_repairs);
  parameters.high_weights = prior.Weights(start.high_weights, sum.high);
  parameters.low_weights = prior.Weights(start.low_weights, sum.low);
}

absl::Status ValidateAll(absl::Span<const Evidence> episodes, const Parameters& start) {
  if (episodes.empty()) return absl::InvalidArgumentError("episodes: none");
  ASSAY_RETURN_IF_ERROR(Validate(start));
  for (size_t i = 0; i < episodes.size(); ++i) {
    if (absl::Status status = Validate(episodes[i]); !status.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("episodes[", i, "].", status.message()));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ParameterFit> FitParameters(absl::Span<const Evidence> episodes,
                                           const Parameters& start,
                                           const FitParametersOptions& options) {
  ASSAY_RETURN_IF_ERROR(ValidateAll(episodes, start));
  Parameters origin = start;
  origin.high_weights = WeightsOf(start.high_weights, start.high_rates.size());
  origin.low_weights = WeightsOf(start.low_weights, start.low_rates.size());
  if (start.shared_level > 0) origin.shared_level = std::fmin(start.shared_level, 1 - kSmallest);
  const Prior prior(origin, std::fmax(kSmallest, options.prior_episodes));

  ParameterFit fit{.parameters = origin, .log_evidence = 0, .objective = {}, .converged = false};
  Statistics sum = Expect(episodes, fit.parameters);
  for (int i = 0; i < options.max_iterations && !fit.converged; ++i) {
    fit.log_evidence = sum.log_evidence;
    fit.objective.push_back(sum.log_evidence + prior.LogDensity(fit.parameters));
    Maximise(sum, origin, prior, fit.parameters);
    sum = Expect(episodes, fit.parameters);
    const double objective = sum.log_evidence + prior.LogDensity(fit.parameters);
    fit.converged = objective - fit.objective.back() <=
                    options.tolerance * std::fmax(1.0, std::fabs(objective));
  }
  fit.log_evidence = sum.log_evidence;
  fit.objective.push_back(sum.log_evidence + prior.LogDensity(fit.parameters));
  return fit;
}

}  // namespace assay::blame
