#include "server/blame/rewards.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace assay::blame {
namespace {

constexpr double kSmallWeight = 0.01;

bool Erred(Label label) {
  return label == Label::kFirstError || label == Label::kError || label == Label::kFailureAligned;
}

bool Tried(Label label) { return label == Label::kRepair || label == Label::kRepairAttempt; }

// x where an error is located.
double LocatedEvidence(const Posterior& posterior, Label label, int t,
                       const std::optional<double>& score, double redundancy, double kappa) {
  if (posterior.rolled_out) {
    return posterior.value[t + 1] - posterior.value[t];
  }
  if (label == Label::kFirstError || label == Label::kError) return -kappa;
  if (!score) return 0;
  return kappa * (*score > 0 ? *score * (1 - redundancy) : *score);
}

void FillLocated(const Evidence& evidence, const Posterior& posterior,
                 const std::vector<Label>& labels, const std::vector<double>& redundancy,
                 const RewardOptions& options, RewardProblem& problem) {
  const auto scores = MeanScores(evidence);
  double praise = 0;
  for (size_t t = 0; t < labels.size(); ++t) {
    if (evidence.authors[t] < 0) continue;
    const double rho = redundancy.empty() ? 0 : redundancy[t];
    problem.evidence[t] =
        LocatedEvidence(posterior, labels[t], static_cast<int>(t), scores[t], rho, options.kappa);
    if (Tried(labels[t])) praise += std::fmax(0.0, problem.evidence[t]);
    if (Erred(labels[t])) {
      problem.low[t] = -options.bound;
      problem.weight[t] = posterior.error[t] + kSmallWeight;
    }
  }
  const double limit = -problem.target / 2;
  const double scale = praise > limit ? limit / praise : 1;
  for (size_t t = 0; t < labels.size(); ++t) {
    if (!Tried(labels[t])) continue;
    if (problem.evidence[t] > 0) problem.evidence[t] *= scale;
    problem.high[t] = std::fmax(problem.evidence[t], 0.0);
  }
}

void FillBySuspicion(const Evidence& evidence, const Posterior& posterior,
                     const std::vector<Label>& labels, const RewardOptions& options,
                     RewardProblem& problem) {
  const auto scores = MeanScores(evidence);
  const double floor = kSmallWeight / std::max(1, AgentsMessages(evidence));
  for (size_t t = 0; t < labels.size(); ++t) {
    if (evidence.authors[t] < 0) continue;
    problem.evidence[t] = options.kappa * std::fmin(scores[t].value_or(0), 0.0);
    problem.weight[t] = posterior.first[t] + floor;
    if (!Tried(labels[t])) problem.low[t] = -options.bound;
  }
}

}  // namespace

RewardProblem FailureRewards(const Evidence& evidence, const Posterior& posterior,
                             const std::vector<Label>& labels,
                             const std::vector<double>& redundancy, const RewardOptions& options) {
  const size_t messages = evidence.authors.size();
  RewardProblem problem;
  problem.evidence.assign(messages, 0.0);
  problem.weight.assign(messages, kSmallWeight);
  problem.low.assign(messages, 0.0);
  problem.high.assign(messages, 0.0);
  problem.target = std::fmin(0.0, evidence.score - options.reference);
  if (AnyLocated(labels)) {
    FillLocated(evidence, posterior, labels, redundancy, options, problem);
  } else {
    FillBySuspicion(evidence, posterior, labels, options, problem);
  }
  problem.allocable =
      std::any_of(problem.low.begin(), problem.low.end(), [](double low) { return low < 0; });
  return problem;
}

std::vector<WeightedProblem> SoftFailureRewards(const Evidence& evidence,
                                                const Parameters& parameters,
                                                const PosteriorOptions& posterior_options,
                                                const std::vector<double>& redundancy,
                                                const RewardOptions& options) {
  const Posterior whole = ComputePosterior(evidence, parameters, posterior_options);
  const std::vector<Label> nothing(whole.first.size(), Label::kNeutral);
  if (evidence.outcome == Outcome::kOpen) {
    return {{1.0, FailureRewards(evidence, whole, nothing, redundancy, options)}};
  }
  Parameters conditioned = parameters;
  if (!CanShareLevels(whole.first.size(), parameters, whole.first.size())) {
    conditioned.shared_level = 0;
  }
  std::vector<WeightedProblem> mixture;
  double located = 0;
  for (size_t t = 0; t < whole.first.size(); ++t) {
    if (whole.first[t] <= 0) continue;
    Posterior component =
        ConditionOnFirst(evidence, static_cast<int>(t), conditioned, posterior_options);
    // Within its component the error is a fact, whatever evidence it took to get there.
    component.claimed_first = static_cast<int>(t);
    std::vector<Label> labels = AssignLabels(evidence, component);
    labels[t] = Label::kFirstError;
    mixture.push_back(
        {whole.first[t], FailureRewards(evidence, component, labels, redundancy, options)});
    located += whole.first[t];
  }
  mixture.push_back(
      {std::fmax(0.0, 1 - located), FailureRewards(evidence, whole, nothing, redundancy, options)});
  return mixture;
}

}  // namespace assay::blame
