#include "server/blame/rewards.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace assay::blame {
namespace {

constexpr double kDust = 1e-12;
constexpr double kSmallWeight = 0.01;
// Of a message that helped while nothing is located: it keeps its gain.
constexpr double kLeastWeight = 1e-9;

// Luck is not claimed without evidence either.
bool BlamesEnvironment(Tier tier) { return tier >= Tier::kScores; }

// Fills a RewardProblem, message by message.
class Sharing {
 public:
  Sharing(const Evidence& evidence, const Posterior& posterior, const std::vector<Label>& labels,
          const std::vector<double>& redundancy, const RewardOptions& options)
      : evidence_(evidence),
        posterior_(posterior),
        labels_(labels),
        redundancy_(redundancy),
        options_(options),
        scores_(MeanScores(evidence.scores, evidence.authors.size())),
        located_(AnyLocated(labels)),
        agents_messages_(std::max(1, CountAgentsMessages(evidence))) {}

  RewardProblem Problem(double environment) {
    const size_t messages = labels_.size();
    RewardProblem problem;
    problem.raw_reward.assign(messages, 0.0);
    problem.weight.assign(messages, 1.0);
    problem.low.assign(messages, 0.0);
    problem.high.assign(messages, 0.0);
    problem.target = std::fmin(0.0, evidence_.score - options_.reference);
    problem.placed = problem.target * (1 - environment);
    // All of it is the environment's, but for rounding.
    if (-problem.placed <= kDust * (evidence_.high - evidence_.low)) problem.placed = 0;
    FillRawRewards(problem);
    for (size_t t = 0; t < messages; ++t) {
      if (evidence_.authors[t] < 0) continue;
      Bound(static_cast<int>(t), problem);
      problem.weight[t] = Weight(static_cast<int>(t), problem.high[t] > 0);
    }
    if (!located_) RelaxWhereNobodyMayTakeIt(problem);
    return problem;
  }

 private:
  double Blame(int t) const {
    const bool by_value = options_.basis == Basis::kValues ||
                          (options_.basis == Basis::kAll && posterior_.rolled_out);
    if (by_value) return posterior_.value[t + 1] - posterior_.value[t];
    if (options_.basis != Basis::kAll && options_.basis != Basis::kScores) return 0;
    if (labels_[t] == Label::kFirstError || labels_[t] == Label::kError) return -options_.kappa;
    const double q = scores_[t].value_or(0);
    const double rho = redundancy_.empty() ? 0 : redundancy_[t];
    return options_.kappa * (q > 0 ? q * (1 - rho) : q);
  }

  double Credit(int t) const {
    const bool counts = options_.basis == Basis::kAll || options_.basis == Basis::kCredit;
    return counts && !evidence_.message_credit.empty() ? evidence_.message_credit[t] : 0;
  }

  void FillRawRewards(RewardProblem& problem) const {
    double praise = 0;
    for (size_t t = 0; t < labels_.size(); ++t) {
      if (evidence_.authors[t] < 0) continue;
      const double x = Blame(static_cast<int>(t)) + Credit(static_cast<int>(t));
      // The sign of rounding would decide who may be blamed.
      problem.raw_reward[t] = std::fabs(x) <= kDust * (evidence_.high - evidence_.low) ? 0 : x;
      praise += std::fmax(0.0, problem.raw_reward[t]);
    }
    const double limit = -problem.placed / 2;
    if (praise <= limit) return;
    for (double& x : problem.raw_reward) {
      if (x > 0) x *= limit / praise;
    }
  }

  void Bound(int t, RewardProblem& problem) const {
    const double x = problem.raw_reward[t];
    problem.high[t] = std::fmax(x, 0.0);
    switch (labels_[t]) {
      case Label::kRepair:
      case Label::kRepairAttempt:
        return;
      case Label::kFirstError:
      case Label::kError:
      case Label::kFailureAligned:
        problem.low[t] = -options_.bound;
        problem.high[t] = 0;
        return;
      default:
        break;
    }
    // Right in a lost cause: by its answer, or by what it was worth.
    if (GradeOf(evidence_, t) == Grade::kRight || (!located_ && x > 0)) return;
    problem.low[t] = located_ ? std::clamp(x, -options_.bound, 0.0) : -options_.bound;
  }

  // Who may take how much of the remainder.
  double Weight(int t, bool gains) const {
    if (gains) return located_ ? kSmallWeight : kLeastWeight;
    if (located_) return posterior_.error[t] + kSmallWeight;
    const double floor = kSmallWeight / agents_messages_;
    const bool suspicion = options_.basis != Basis::kCredit && options_.basis != Basis::kNothing &&
                           posterior_.tier > Tier::kNone;
    if (suspicion) return posterior_.first[t] + floor;
    const bool by_credit = options_.basis == Basis::kAll || options_.basis == Basis::kCredit;
    if (by_credit && !evidence_.message_credit.empty()) {
      const double range = evidence_.high - evidence_.low;
      return std::fmax(0.0, -evidence_.message_credit[t]) / range + floor;
    }
    return 1;
  }

  void RelaxWhereNobodyMayTakeIt(RewardProblem& problem) const {
    const double least = std::accumulate(problem.low.begin(), problem.low.end(), 0.0);
    if (least <= problem.placed) return;
    for (size_t t = 0; t < labels_.size(); ++t) {
      if (evidence_.authors[t] < 0) continue;
      problem.low[t] = -options_.bound;
      problem.weight[t] = 1.0 / agents_messages_;
      problem.signs_relaxed = true;
    }
  }

  const Evidence& evidence_;
  const Posterior& posterior_;
  const std::vector<Label>& labels_;
  const std::vector<double>& redundancy_;
  const RewardOptions& options_;
  const std::vector<std::optional<double>> scores_;
  const bool located_;
  const int agents_messages_;
};

RewardProblem Share(const Evidence& evidence, const Posterior& posterior,
                    const std::vector<Label>& labels, const std::vector<double>& redundancy,
                    const RewardOptions& options, double environment) {
  return Sharing(evidence, posterior, labels, redundancy, options).Problem(environment);
}

}  // namespace

RewardProblem FailureRewards(const Evidence& evidence, const Posterior& posterior,
                             const std::vector<Label>& labels,
                             const std::vector<double>& redundancy, const RewardOptions& options) {
  const double environment = BlamesEnvironment(posterior.tier) ? posterior.environment : 0;
  return Share(evidence, posterior, labels, redundancy, options, environment);
}

std::vector<WeightedProblem> SoftFailureRewards(const Evidence& evidence,
                                                const Parameters& parameters,
                                                const PosteriorOptions& posterior_options,
                                                const std::vector<double>& redundancy,
                                                const RewardOptions& options) {
  const Posterior whole = ComputePosterior(evidence, parameters, posterior_options);
  const std::vector<Label> nothing(whole.first.size(), Label::kNeutral);
  if (evidence.outcome == Outcome::kOpen || whole.tier == Tier::kNone) {
    return {{1.0, FailureRewards(evidence, whole, nothing, redundancy, options)}};
  }
  Parameters conditioned = parameters;
  if (!CanShareLevels(whole.first.size(), parameters, whole.first.size())) {
    conditioned.shared_level = 0;
  }
  std::vector<WeightedProblem> mixture;
  double left = 1;
  for (size_t t = 0; t < whole.first.size(); ++t) {
    const auto message = static_cast<int>(t);
    if (whole.first[t] <= 0 || ProvenRight(evidence, whole, message)) continue;
    Posterior component = ConditionOnFirst(evidence, message, conditioned, posterior_options);
    // Within its component the error is a fact, whatever evidence it took to get there.
    component.claimed_first = message;
    std::vector<Label> labels = AssignLabels(evidence, component);
    labels[t] = Label::kFirstError;
    mixture.push_back({whole.first[t], Share(evidence, component, labels, redundancy, options, 0)});
    left -= whole.first[t];
  }
  if (BlamesEnvironment(whole.tier) && whole.environment > 0) {
    mixture.push_back({whole.environment, Share(evidence, whole, nothing, redundancy, options, 1)});
    left -= whole.environment;
  }
  mixture.push_back(
      {std::fmax(0.0, left), Share(evidence, whole, nothing, redundancy, options, 0)});
  return mixture;
}

}  // namespace assay::blame
