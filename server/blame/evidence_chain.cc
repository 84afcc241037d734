#include "server/blame/evidence_chain.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace assay::blame {
namespace {

constexpr double kImpossible = -std::numeric_limits<double>::infinity();
constexpr double kScoreClip = 0.02;
constexpr double kDust = 1e-12;
constexpr double kPriorFloor = 0.05;
// How often one right message lifts a state that was Low before it.
constexpr double kRescued = 0.15;

double Logit(double p) { return std::log(p) - std::log1p(-p); }

bool IsAgents(const Evidence& evidence, int message) { return evidence.authors[message] >= 0; }

// What one message without an agent does to the state. Nothing can be wrong with it as a step.
struct ContextEdge {
  ContextEdge(const Parameters& parameters, int messages, ErrorDefinition definition) {
    if (messages == 0 || definition == ErrorDefinition::kIncorrectStep) return;
    const double error = parameters.context_error_rate / messages;
    const double repair = parameters.context_repair_rate / messages;
    high_high = -error;
    high_low = std::log(-std::expm1(-error));
    low_high = std::log(-std::expm1(-repair));
    low_low = -repair;
  }
  double high_high = 0, high_low = kImpossible, low_high = kImpossible, low_low = 0;
};

void AddTransitions(const Evidence& evidence, const std::vector<double>& prior,
                    const std::vector<double>& log_ratio, const Parameters& parameters,
                    ErrorDefinition definition, Chain& chain) {
  const int agents_messages = CountAgentsMessages(evidence);
  const double repair = parameters.repair_rate / std::max(1, agents_messages);
  const double log_repair = std::log(-std::expm1(-repair));
  const ContextEdge context(parameters, chain.messages() - agents_messages, definition);
  const double log_share = std::log(parameters.propagated_share);
  const double log_own = std::log1p(-parameters.propagated_share);
  for (int t = 0; t < chain.messages(); ++t) {
    if (!IsAgents(evidence, t)) {
      chain.high_high[t] = context.high_high;
      chain.high_low[t] = context.high_low;
      chain.low_high[t] = context.low_high;
      chain.low_low[t] = context.low_low;
      continue;
    }
    const double hazard = parameters.error_rate * prior[t];
    chain.high_high[t] = -hazard;
    chain.high_low[t] = std::log(-std::expm1(-hazard)) + log_ratio[t];
    chain.low_high[t] = log_repair;
    chain.low_low[t] = -repair + LogAdd(log_own, log_share + log_ratio[t]);
  }
}

void AddRollouts(const Evidence& evidence, const Parameters& parameters, ErrorDefinition definition,
                 const RateLevel& level, Chain& chain) {
  const std::vector<Rollouts> nodes = AllRollouts(evidence, definition);
  if (nodes.empty() && evidence.corrections.empty()) return;
  const RateGrids rates(evidence, parameters, level);
  for (int j = 0; j < chain.messages() && j < static_cast<int>(nodes.size()); ++j) {
    const double high = rates.high.LogLikelihood(nodes[j]);
    const double low = rates.low.LogLikelihood(nodes[j]);
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

void ClampOutcome(const Evidence& evidence, ErrorDefinition definition, Chain& chain) {
  if (NodeOfOutcome(evidence, definition)) return;
  const Outcome outcome = evidence.outcome;
  if (outcome == Outcome::kFailure) chain.node_high.back() = kImpossible;
  // A success says nothing about a single wrong step on the way.
  if (outcome == Outcome::kSuccess && definition != ErrorDefinition::kIncorrectStep) {
    chain.node_low.back() = kImpossible;
  }
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

}  // namespace

std::vector<double> ErrorLogRatios(const std::vector<Score>& scores, int messages,
                                   const Parameters& parameters) {
  std::vector<double> log_ratio(messages, 0.0);
  std::vector<int> judges(messages, 0);
  for (const Score& score : scores) {
    const double correct = std::clamp((1 + score.value) / 2, kScoreClip, 1 - kScoreClip);
    const double base = Logit(score.base_rate.value_or(parameters.base_rate));
    log_ratio[score.message] += score.weight * (-Logit(correct) - base);
    ++judges[score.message];
  }
  for (int t = 0; t < messages; ++t) {
    if (judges[t] > 1) log_ratio[t] /= 1 + (judges[t] - 1) * parameters.judge_correlation;
    // Judges who cancel each other out leave rounding behind, which is no evidence.
    if (std::abs(log_ratio[t]) <= kDust) log_ratio[t] = 0;
  }
  return log_ratio;
}

int CountAgentsMessages(const Evidence& evidence) {
  return static_cast<int>(std::count_if(evidence.authors.begin(), evidence.authors.end(),
                                        [](int author) { return author >= 0; }));
}

std::optional<int> NodeOfOutcome(const Evidence& evidence, ErrorDefinition definition) {
  if (definition == ErrorDefinition::kIncorrectStep || evidence.authors.empty() ||
      evidence.authors.back() >= 0) {
    return std::nullopt;
  }
  auto node = static_cast<int>(evidence.authors.size());
  while (node > 0 && !IsAgents(evidence, node - 1)) --node;
  return node;
}

std::vector<Rollouts> AllRollouts(const Evidence& evidence, ErrorDefinition definition) {
  if (definition == ErrorDefinition::kIncorrectStep) return {};
  std::vector<Rollouts> nodes = evidence.nodes;
  // The outcome fixes the last node; rollouts there would only repeat it.
  if (!nodes.empty()) nodes.back() = Rollouts();
  const std::optional<int> node = NodeOfOutcome(evidence, definition);
  if (!node || evidence.outcome == Outcome::kOpen) return nodes;
  nodes.resize(evidence.authors.size() + 1);
  nodes[*node].successes += (evidence.score - evidence.low) / (evidence.high - evidence.low);
  nodes[*node].trials += 1;
  return nodes;
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
  AddTransitions(evidence, prior, log_ratio, parameters, definition, chain);
  if (definition == ErrorDefinition::kIncorrectStep) {
    std::fill(chain.low_high.begin(), chain.low_high.end(), kImpossible);
  } else {
    AddRollouts(evidence, parameters, definition, level, chain);
  }
  ClampOutcome(evidence, definition, chain);
  ForceAnnotation(evidence, chain);
  return chain;
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

bool MarksApply(const Evidence& evidence, ErrorDefinition definition) {
  return evidence.outcome == Outcome::kSuccess && !evidence.repairs.empty() &&
         definition != ErrorDefinition::kIncorrectStep;
}

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

}  // namespace assay::blame
