#include "server/blame/text/text_prior.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "server/blame/text/transfer_features.h"

namespace assay::blame {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;
using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr double kUniformShare = 0.02;
constexpr int kFolds = 5;
constexpr int kMaxNewtonSteps = 100;
constexpr double kRidges[] = {7.5, 15, 30, 60, 120};

// The agents' messages of an episode: one row of features each, and which row is the first error.
struct Choice {
  RowMajor features;
  int chosen = 0;
  double weight = 1;
};

RowMajor FeatureMatrix(const TextEpisode& episode, FeatureSet set) {
  const std::vector<double> all =
      set == FeatureSet::kCollection ? TextFeatures(episode) : TransferFeatures(episode);
  const auto columns = static_cast<Eigen::Index>(NamesOf(set).size());
  return Eigen::Map<const RowMajor>(all.data(), static_cast<Eigen::Index>(episode.messages.size()),
                                    columns);
}

std::vector<int> AgentsMessages(const TextEpisode& episode) {
  std::vector<int> out;
  for (size_t t = 0; t < episode.messages.size(); ++t) {
    if (!episode.messages[t].is_context) out.push_back(static_cast<int>(t));
  }
  return out;
}

RowMajor Rows(const RowMajor& all, const std::vector<int>& rows) {
  RowMajor out(static_cast<Eigen::Index>(rows.size()), all.cols());
  for (size_t i = 0; i < rows.size(); ++i) {
    out.row(static_cast<Eigen::Index>(i)) = all.row(rows[i]);
  }
  return out;
}

VectorXd Softmax(const VectorXd& utility) {
  const VectorXd shifted = (utility.array() - utility.maxCoeff()).exp();
  return shifted / shifted.sum();
}

double LogProbability(const Choice& choice, const VectorXd& weights) {
  const VectorXd utility = choice.features * weights;
  const double most = utility.maxCoeff();
  return utility[choice.chosen] - most - std::log((utility.array() - most).exp().sum());
}

// Penalised negative log-likelihood; gradient and Hessian too.
struct Objective {
  double value = 0;
  VectorXd gradient;
  MatrixXd hessian;
};

double Value(const std::vector<const Choice*>& choices, const VectorXd& weights,
             const VectorXd& penalty) {
  double value = 0.5 * penalty.cwiseProduct(weights).dot(weights);
  for (const Choice* choice : choices) value -= choice->weight * LogProbability(*choice, weights);
  return value;
}

Objective Evaluate(const std::vector<const Choice*>& choices, const VectorXd& weights,
                   const VectorXd& penalty) {
  Objective out{Value(choices, weights, penalty), penalty.cwiseProduct(weights),
                MatrixXd(penalty.asDiagonal())};
  for (const Choice* choice : choices) {
    const RowMajor& x = choice->features;
    const VectorXd p = Softmax(x * weights);
    const VectorXd mean = x.transpose() * p;
    const VectorXd p_weighted = choice->weight * p;
    out.gradient += choice->weight * (mean - x.row(choice->chosen).transpose());
    out.hessian.noalias() += x.transpose() * p_weighted.asDiagonal() * x;
    out.hessian.noalias() -= choice->weight * mean * mean.transpose();
  }
  return out;
}

// Newton's method with step halving: the objective is strictly convex.
VectorXd Minimise(const std::vector<const Choice*>& choices, const VectorXd& penalty) {
  VectorXd weights = VectorXd::Zero(penalty.size());
  for (int step = 0; step < kMaxNewtonSteps; ++step) {
    const Objective at = Evaluate(choices, weights, penalty);
    const VectorXd direction = at.hessian.ldlt().solve(at.gradient);
    const double decrement = at.gradient.dot(direction);
    if (decrement < 1e-12) break;
    double length = 1;
    while (length > 1e-6 && Value(choices, weights - length * direction, penalty) >
                                at.value - 1e-4 * length * decrement) {
      length /= 2;
    }
    weights -= length * direction;
  }
  return weights;
}

// A ridge on standardised weights, written for the features as they are: w_std = w * std.
VectorXd Penalty(const std::vector<const Choice*>& choices, double ridge) {
  const Eigen::Index columns = choices.front()->features.cols();
  VectorXd sum = VectorXd::Zero(columns), squares = VectorXd::Zero(columns);
  double rows = 0;
  for (const Choice* choice : choices) {
    sum += choice->weight * choice->features.colwise().sum().transpose();
    squares +=
        choice->weight * choice->features.array().square().matrix().colwise().sum().transpose();
    rows += choice->weight * static_cast<double>(choice->features.rows());
  }
  const VectorXd mean = sum / rows;
  // A feature that never varied must stay at zero rather than be free.
  return ridge * ((squares / rows).array() - mean.array().square()).max(1e-4).matrix();
}

VectorXd Fit(const std::vector<const Choice*>& choices, double ridge) {
  return Minimise(choices, Penalty(choices, ridge));
}

double HeldOutLogProbability(const std::vector<Choice>& choices, double ridge) {
  double sum = 0;
  const size_t folds = std::min<size_t>(kFolds, choices.size());
  for (size_t fold = 0; fold < folds; ++fold) {
    std::vector<const Choice*> train, held_out;
    for (size_t i = 0; i < choices.size(); ++i) {
      (i % folds == fold ? held_out : train).push_back(&choices[i]);
    }
    const VectorXd weights = Fit(train, ridge);
    for (const Choice* choice : held_out) sum += choice->weight * LogProbability(*choice, weights);
  }
  return sum;
}

double BestRidge(const std::vector<Choice>& choices) {
  double best_ridge = kRidges[0], best = HeldOutLogProbability(choices, kRidges[0]);
  for (const double ridge : kRidges) {
    const double held_out = HeldOutLogProbability(choices, ridge);
    if (held_out > best) {
      best = held_out;
      best_ridge = ridge;
    }
  }
  return best_ridge;
}

absl::StatusOr<std::vector<Choice>> Choices(absl::Span<const LabelledText> episodes,
                                            FeatureSet set) {
  std::vector<Choice> choices;
  for (size_t i = 0; i < episodes.size(); ++i) {
    const std::vector<int> messages = AgentsMessages(episodes[i].episode);
    const auto chosen = std::find(messages.begin(), messages.end(), episodes[i].first_error);
    if (chosen == messages.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("episodes[", i, "].first_error: not a message of an agent"));
    }
    choices.push_back({Rows(FeatureMatrix(episodes[i].episode, set), messages),
                       static_cast<int>(chosen - messages.begin()), episodes[i].weight});
  }
  return choices;
}

}  // namespace

const std::vector<std::string>& NamesOf(FeatureSet set) {
  return set == FeatureSet::kCollection ? FeatureNames() : TransferFeatureNames();
}

absl::Status Validate(const TextPrior& prior) {
  if (prior.features.size() != prior.weights.size()) {
    return absl::InvalidArgumentError("weights: must be one a feature");
  }
  const auto& known = NamesOf(prior.set);
  for (size_t i = 0; i < prior.features.size(); ++i) {
    if (std::find(known.begin(), known.end(), prior.features[i]) == known.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("features[", i, "]: no feature ", prior.features[i]));
    }
    const auto end = prior.features.begin() + static_cast<std::ptrdiff_t>(i);
    if (std::find(prior.features.begin(), end, prior.features[i]) != end) {
      return absl::InvalidArgumentError(absl::StrCat("features[", i, "]: repeated"));
    }
    if (!std::isfinite(prior.weights[i])) {
      return absl::InvalidArgumentError(absl::StrCat("weights[", i, "]: not finite"));
    }
  }
  if (!(prior.uniform >= 0 && prior.uniform <= 1)) {
    return absl::InvalidArgumentError("uniform: not in [0, 1]");
  }
  return absl::OkStatus();
}

std::vector<double> ApplyTextPrior(const TextPrior& prior, const TextEpisode& episode) {
  std::vector<double> pi(episode.messages.size(), 0.0);
  const std::vector<int> messages = AgentsMessages(episode);
  if (messages.empty()) return pi;
  const auto& known = NamesOf(prior.set);
  VectorXd weights = VectorXd::Zero(static_cast<Eigen::Index>(known.size()));
  for (size_t i = 0; i < prior.features.size(); ++i) {
    const auto found = std::find(known.begin(), known.end(), prior.features[i]);
    weights[found - known.begin()] = prior.weights[i];
  }
  const VectorXd p = Softmax(Rows(FeatureMatrix(episode, prior.set), messages) * weights);
  const double uniform = prior.uniform / static_cast<double>(messages.size());
  for (size_t i = 0; i < messages.size(); ++i) {
    pi[messages[i]] = (1 - prior.uniform) * p[static_cast<Eigen::Index>(i)] + uniform;
  }
  return pi;
}

absl::StatusOr<TextPrior> FitTextPrior(absl::Span<const LabelledText> episodes,
                                       const FitOptions& options) {
  if (episodes.size() < 2) return absl::InvalidArgumentError("episodes: two at least");
  absl::StatusOr<std::vector<Choice>> choices = Choices(episodes, options.set);
  if (!choices.ok()) return choices.status();
  std::vector<const Choice*> all;
  for (const Choice& choice : *choices) all.push_back(&choice);
  const VectorXd weights = Fit(all, options.ridge > 0 ? options.ridge : BestRidge(*choices));
  TextPrior prior;
  prior.set = options.set;
  prior.features = NamesOf(options.set);
  prior.weights.assign(weights.data(), weights.data() + weights.size());
  prior.uniform = kUniformShare;
  prior.episodes = static_cast<int>(episodes.size());
  return prior;
}

}  // namespace assay::blame
