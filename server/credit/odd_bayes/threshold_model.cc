#include "server/credit/odd_bayes/threshold_model.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <bit>
#include <cmath>

#include "server/credit/exact.h"

namespace assay::credit {
namespace {

constexpr double kWeightVariances[] = {1, 4, 16, 64};
constexpr int kNewtonSteps = 25;

double Logistic(double x) { return 1 / (1 + std::exp(-x)); }

}  // namespace

std::optional<ThresholdModel> ThresholdModel::Fit(int n, const AnswerBook& book) {
  if (n < 2 || n > kMaxThresholdAgents) return std::nullopt;
  double low = INFINITY;
  double high = -INFINITY;
  for (const AnswerBook::Entry& entry : book.entries()) {
    low = std::min(low, entry.answer.mean);
    high = std::max(high, entry.answer.mean);
  }
  if (!(low < high)) return std::nullopt;
  for (const AnswerBook::Entry& entry : book.entries()) {
    const double value = entry.answer.mean;
    if ((value != low && value != high) || entry.answer.variance > 0) return std::nullopt;
  }
  ThresholdModel model(n, low, high);
  const int m = static_cast<int>(book.entries().size());
  model.features_.resize(n + 1, m);
  Eigen::VectorXd labels(m);
  for (int k = 0; k < m; ++k) {
    const AnswerBook::Entry& entry = book.entries()[k];
    model.features_.col(k) = model.Features(entry.players.mask());
    labels[k] = entry.answer.mean == high ? 1 : 0;
    model.answer_index_[entry.players.mask()] = k;
  }
  model.FitWeights(model.features_, labels);
  if (n <= kMaxThresholdTable) {
    model.TakeMoments(book);
  } else {
    model.TakeLogisticMoments(book);
  }
  return model;
}

Eigen::VectorXd ThresholdModel::Features(Coalition players) const {
  Eigen::VectorXd x(n_ + 1);
  for (int i = 0; i < n_; ++i) x[i] = (players >> i) & 1 ? 1 : -1;
  x[n_] = 1;
  return x;
}

Eigen::MatrixXd ThresholdModel::Hessian(const Eigen::MatrixXd& features,
                                        const Eigen::VectorXd& spread) const {
  if (n_ <= kMaxThresholdTable) return features * spread.asDiagonal() * features.transpose();
  Eigen::MatrixXd hessian = Eigen::MatrixXd::Zero(n_ + 1, n_ + 1);
  hessian.selfadjointView<Eigen::Lower>().rankUpdate(features * spread.cwiseSqrt().asDiagonal());
  return hessian;
}

void ThresholdModel::FitWeights(const Eigen::MatrixXd& features, const Eigen::VectorXd& labels) {
  const int m = static_cast<int>(labels.size());
  const int d = n_ + 1;
  // Steps shrink quadratically: after the last one the weights are good to its square.
  const double enough = n_ <= kMaxThresholdTable ? 1e-6 : 1e-3;
  double best = -INFINITY;
  Eigen::VectorXd start = Eigen::VectorXd::Zero(d);
  for (double prior : kWeightVariances) {
    Eigen::VectorXd w = start;
    Eigen::MatrixXd hessian(d, d);
    Eigen::VectorXd chance(m);
    for (int step = 0; step < kNewtonSteps; ++step) {
      chance = (features.transpose() * w).unaryExpr(&Logistic);
      const Eigen::VectorXd spread = chance.array() * (1 - chance.array());
      hessian = Hessian(features, spread);
      hessian.diagonal().array() += 1 / prior;
      const Eigen::VectorXd gradient = features * (labels - chance) - w / prior;
      const Eigen::VectorXd move = hessian.llt().solve(gradient);
      // The likelihood is concave, yet a whole step may overshoot where it is flat.
      w += move * std::min(1.0, 3 / (move.norm() + 1e-300));
      if (move.norm() < enough) break;
    }
    chance = (features.transpose() * w).unaryExpr(&Logistic);
    double marginal_likelihood = -0.5 * w.squaredNorm() / prior - 0.5 * d * std::log(prior);
    for (int k = 0; k < m; ++k) {
      marginal_likelihood += std::log((labels[k] > 0.5 ? chance[k] : 1 - chance[k]) + 1e-300);
    }
    const Eigen::LLT<Eigen::MatrixXd> factor(hessian);
    marginal_likelihood -= factor.matrixLLT().diagonal().array().log().sum();
    start = w;
    if (!(marginal_likelihood > best)) continue;
    best = marginal_likelihood;
    prior_variance_ = prior;
    weights_ = w;
    covariance_ = factor.solve(Eigen::MatrixXd::Identity(d, d));
    // One Newton step back from each answer (Pregibon 1981): what the others say of it.
    loo_.resize(m);
    const Eigen::MatrixXd reach = covariance_ * features;
    for (int k = 0; k < m; ++k) {
      const double p = chance[k];
      const double variance = features.col(k).dot(reach.col(k));
      const double leverage = std::min(p * (1 - p) * variance, 0.999);
      loo_[k] = Logistic(features.col(k).dot(w) - variance * (labels[k] - p) / (1 - leverage));
    }
  }
}

void ThresholdModel::TakeMoments(const AnswerBook& book) {
  const std::size_t size = std::size_t{1} << n_;
  const double range = high_ - low_;
  std::vector<double> table(size);
  std::vector<double> doubt(size);
  std::vector<double> slope(size);
  // f by the lowest agent's bit: each coalition differs from a smaller one by one agent.
  std::vector<double> f(size);
  f[0] = weights_[n_] - weights_.head(n_).sum();
  for (std::size_t s = 1; s < size; ++s) {
    f[s] = f[s & (s - 1)] + 2 * weights_[std::countr_zero(s)];
  }
  for (std::size_t s = 0; s < size; ++s) {
    const double p = Logistic(f[s]);
    table[s] = low_ + range * p;
    slope[s] = range * p * (1 - p);
    doubt[s] = range * range * p * (1 - p);
  }
  for (const AnswerBook::Entry& entry : book.entries()) {
    const Coalition s = entry.players.mask();
    table[s] = entry.answer.mean;
    slope[s] = 0;
    doubt[s] = 0;
  }
  credit_ = ExactShapley(table, n_);
  variance_ = ShapleyVariance(doubt, n_);
  sensitivity_.resize(n_, n_ + 1);
  for (int k = 0; k <= n_; ++k) {
    for (std::size_t s = 0; s < size; ++s) {
      table[s] = k == n_ || ((s >> k) & 1) ? slope[s] : -slope[s];
    }
    const std::vector<double> column = ExactShapley(table, n_);
    sensitivity_.col(k) = Eigen::Map<const Eigen::VectorXd>(column.data(), n_);
  }
  const Eigen::MatrixXd spread = sensitivity_ * covariance_;
  for (int i = 0; i < n_; ++i) variance_[i] += spread.row(i).dot(sensitivity_.row(i));
}

void ThresholdModel::TakeLogisticMoments(const AnswerBook& book) {
  const LogisticGame game(weights_.head(n_), weights_[n_]);
  const double range = high_ - low_;
  credit_ = game.Shapley();
  for (double& value : credit_) value *= range;
  sensitivity_ = range * game.Sensitivity();
  TakeAnswers(book);
  const Eigen::MatrixXd spread = sensitivity_ * covariance_;
  variance_.resize(n_);
  for (int i = 0; i < n_; ++i) variance_[i] = spread.row(i).dot(sensitivity_.row(i));
  AddDoubt(game, book);
}

void ThresholdModel::TakeAnswers(const AnswerBook& book) {
  constexpr double kLeastWeight = 1e-9;
  const double range = high_ - low_;
  const std::vector<double> by_size = ShapleyWeights(n_);
  for (const AnswerBook::Entry& entry : book.entries()) {
    const int size = entry.players.size();
    const double in = size == 0 ? 0 : by_size[size - 1];
    const double out = size == n_ ? 0 : -by_size[size];
    if (std::max(in, -out) < kLeastWeight) continue;
    const Eigen::VectorXd x = Features(entry.players.mask());
    const double p = Logistic(weights_.dot(x));
    const Eigen::RowVectorXd slope = range * p * (1 - p) * x.transpose();
    for (int i = 0; i < n_; ++i) {
      const double weight = x[i] > 0 ? in : out;
      credit_[i] += weight * (entry.answer.mean - low_ - range * p);
      sensitivity_.row(i) -= weight * slope;
    }
  }
}

void ThresholdModel::AddDoubt(const LogisticGame& game, const AnswerBook& book) {
  Eigen::MatrixXd asked = Eigen::MatrixXd::Zero(n_ + 1, n_);  // of each size, with each agent
  std::vector<double> of_size(n_ + 1);
  for (const AnswerBook::Entry& entry : book.entries()) {
    const int size = entry.players.size();
    ++of_size[size];
    for (int i = 0; i < n_; ++i) asked(size, i) += entry.players.contains(i) ? 1 : 0;
  }
  const double range = high_ - low_;
  const std::vector<double> by_size = ShapleyWeights(n_);
  for (int size = 1; size < n_; ++size) {
    const double doubt = range * range * game.MeanSlope(size);
    const double in = by_size[size - 1];
    const double out = by_size[size];
    for (int i = 0; i < n_; ++i) {
      // 1 / (n in) coalitions of the size hold the agent, 1 / (n out) do not.
      const double open_in = 1 / (n_ * in) - asked(size, i);
      const double open_out = 1 / (n_ * out) - (of_size[size] - asked(size, i));
      variance_[i] +=
          doubt * (in * in * std::max(open_in, 0.0) + out * out * std::max(open_out, 0.0));
    }
  }
}

double ThresholdModel::LooError(const OddData& data, int whole) const {
  const Coalition everyone = PlayerSet::All(n_).mask();
  const double range = high_ - low_;
  double squares = range * range / 4;
  for (int a = 0; a < whole; ++a) {
    const double own = loo_[answer_index_.at(data.pairs[a])];
    const double other = loo_[answer_index_.at(everyone ^ data.pairs[a])];
    const double error = data.odd[a] - range * (own - other) / 2;
    squares += error * error;
  }
  return squares / whole;
}

const ThresholdModel::Prior::Local& ThresholdModel::Prior::At(Coalition pair) const {
  const auto [place, fresh] = seen_.try_emplace(pair);
  if (!fresh) return place->second;
  const double range = model_.high_ - model_.low_;
  const Eigen::VectorXd x = model_.Features(pair);
  const double bias = model_.weights_[model_.n_];
  const double votes = model_.weights_.dot(x) - bias;
  const double p = Logistic(bias + votes);
  const double q = Logistic(bias - votes);
  const double own = p * (1 - p);
  const double other = q * (1 - q);
  place->second = {range * (own + other) / 2, range * (own - other) / 2,
                   range * range * (own + other) / 4};
  return place->second;
}

void ThresholdModel::Prior::FillRow(Coalition pair, absl::Span<const Coalition> others,
                                    double* out) const {
  const Local here = At(pair);
  const double slope = model_.prior_variance_ * here.slope;
  const double lean = model_.prior_variance_ * here.lean;
  for (std::size_t k = 0; k < others.size(); ++k) {
    const Local& there = At(others[k]);
    const int votes = model_.n_ - 2 * std::popcount(pair ^ others[k]);  // the product of features
    out[k] = slope * there.slope * votes + lean * there.lean + (others[k] == pair ? here.doubt : 0);
  }
}

void ThresholdModel::Prior::FillCredit(Coalition pair, double* out) const {
  const Local here = At(pair);
  Eigen::VectorXd slope = here.slope * model_.Features(pair);
  slope[model_.n_] = here.lean;
  const Eigen::VectorXd spread = model_.prior_variance_ * (model_.sensitivity_ * slope);
  const int size = std::popcount(pair);
  for (int i = 0; i < model_.n_; ++i) {
    const bool in = (pair >> i) & 1;
    out[i] = spread[i] + here.doubt * (in ? white_.with(size) : white_.without(size));
  }
}

Eigen::MatrixXd ThresholdModel::Prior::CreditCovariance() const {
  return model_.prior_variance_ * model_.sensitivity_ * model_.sensitivity_.transpose();
}

}  // namespace assay::credit
