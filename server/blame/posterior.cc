#include "server/blame/posterior.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

namespace assay::blame {
namespace {

constexpr double kImpossible = -std::numeric_limits<double>::infinity();

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
  return IsFromText(evidence.prior_used) ? Tier::kText : Tier::kNone;
}

std::vector<bool> Suspects(const Evidence& evidence, const Posterior& posterior) {
  const double average = 1.0 / std::max(1, CountAgentsMessages(evidence));
  std::vector<bool> suspect(evidence.authors.size(), false);
  for (size_t t = 0; t < suspect.size(); ++t) {
    if (evidence.authors[t] < 0) continue;
    const bool looks_wrong = posterior.log_ratio[t] > 0 ||
                             (IsFromText(evidence.prior_used) && posterior.prior[t] > average);
    const bool is_right = GradeOf(evidence, static_cast<int>(t)) == Grade::kRight;
    suspect[t] = posterior.tier >= Tier::kRollouts || (looks_wrong && !is_right);
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

// The message of context that is most probably the first error; no message has no mass.
struct LikeliestContext {
  int message = -1;
  double mass = 0;
};

void Claim(const PosteriorOptions& options, Outcome outcome, const LikeliestContext& context,
           Posterior& out) {
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
  // Luck is not claimed of what texts say.
  if (out.tier >= Tier::kScores && context.mass >= options.confidence) {
    out.claimed_context = context.message;
  }
}

std::vector<double> ExpectedValues(const Evidence& evidence, const Parameters& parameters,
                                   const std::vector<double>& high, ErrorDefinition definition,
                                   const RateLevel& level) {
  const std::vector<Rollouts> nodes = AllRollouts(evidence, definition);
  std::optional<RateGrids> rates;
  if (!nodes.empty()) rates.emplace(evidence, parameters, level);
  const RateMeans before = MeanRates(evidence, parameters, level);
  std::vector<double> value(high.size());
  for (size_t j = 0; j < high.size(); ++j) {
    const bool own = rates.has_value() && nodes[j].trials > 0;
    const double mean_high = own ? rates->high.PosteriorMean(nodes[j]) : before.high;
    const double mean_low = own ? rates->low.PosteriorMean(nodes[j]) : before.low;
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

// Sets the entries of context to 0 and returns their sum.
double TakeContext(const Evidence& evidence, std::vector<double>& mass) {
  double sum = 0;
  for (size_t t = 0; t < mass.size(); ++t) {
    if (evidence.authors[t] < 0) sum += std::exchange(mass[t], 0.0);
  }
  return sum;
}

LikeliestContext FindContext(const Evidence& evidence, const std::vector<double>& first) {
  LikeliestContext likeliest;
  for (size_t t = 0; t < first.size(); ++t) {
    if (evidence.authors[t] >= 0 || first[t] <= likeliest.mass) continue;
    likeliest = {static_cast<int>(t), first[t]};
  }
  return likeliest;
}

// Who is the first error: an agent's message, the environment, nothing.
LikeliestContext ShareFirst(const Evidence& evidence, ErrorDefinition definition,
                            const Marginals& marginals, Posterior& out) {
  const bool flips = definition == ErrorDefinition::kCorrectionFlips;
  out.first = flips ? marginals.decisive : marginals.first;
  const LikeliestContext likeliest = FindContext(evidence, out.first);
  out.environment = TakeContext(evidence, out.first);
  // Success was likely to the end, context had the last word, and it did not come.
  const bool luck =
      evidence.outcome == Outcome::kFailure && NodeOfOutcome(evidence, definition).has_value();
  if (flips) {
    if (luck) out.environment += marginals.high.back();
    const double blamed = std::accumulate(out.first.begin(), out.first.end(), out.environment);
    out.none = std::fmax(0.0, 1 - blamed);
  } else {
    (luck ? out.environment : out.none) += marginals.stayed_high;
    out.none += marginals.started_low;
  }
  out.environment = std::fmin(1.0, out.environment);
  return likeliest;
}

Posterior Summarise(const Evidence& evidence, const PosteriorOptions& options, Belief belief,
                    std::vector<double> log_ratio, std::vector<double> prior) {
  Posterior out;
  Marginals& marginals = belief.marginals;
  const LikeliestContext context = ShareFirst(evidence, options.definition, marginals, out);
  out.decisive = std::move(marginals.decisive);
  out.repair = std::move(marginals.repair);
  out.error = std::move(marginals.error);
  for (auto* mass : {&out.decisive, &out.repair, &out.error}) TakeContext(evidence, *mass);
  out.high = std::move(marginals.high);
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
  Claim(options, evidence.outcome, context, out);
  out.credible_set = CredibleSet(out.first, options.credible);
  return out;
}

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
