#ifndef ASSAY_SERVER_CREDIT_ODD_BAYES_THRESHOLD_MODEL_H_
#define ASSAY_SERVER_CREDIT_ODD_BAYES_THRESHOLD_MODEL_H_

#include <Eigen/Core>
#include <optional>
#include <vector>

#include "server/credit/answers.h"
#include "server/credit/logistic/logistic_game.h"
#include "server/credit/odd_bayes/odd_prior.h"

namespace assay::credit {

inline constexpr int kMaxThresholdAgents = 64;
// Up to so many agents its moments are taken over all 2^n coalitions, beyond from LogisticGame.
inline constexpr int kMaxThresholdTable = 14;

// Model C: for games whose answers take two values only, as votes and pass/fail tests do. The value
// is the higher one with probability logistic(bias + sum of w_i x_i), x_i = +1 for members and -1
// for the absent; a weighted majority is its steep limit. Weights by ridge-penalised logistic
// regression, the penalty by the Laplace approximation of the marginal likelihood.
class ThresholdModel {
 public:
  // Empty unless 2 <= n <= kMaxThresholdAgents and the exact answers take exactly two values.
  // O(m n^2) a Newton step; then O(n 2^n) for the moments up to kMaxThresholdTable agents.
  static std::optional<ThresholdModel> Fit(int n, const AnswerBook& book);

  // Shapley values of the model with the known answers in place, and their variance.
  const std::vector<double>& credit() const { return credit_; }
  const std::vector<double>& variance() const { return variance_; }
  // Mean square of o(S) minus its leave-one-out prediction over the pairs given, with one more
  // error counted in.
  double LooError(const OddData& data, int whole) const;

  // The model as a Gaussian process around its prediction, linear in the weights near the fit: to
  // design with.
  class Prior;

 private:
  ThresholdModel(int n, double low, double high) : n_(n), low_(low), high_(high) {}
  void FitWeights(const Eigen::MatrixXd& features, const Eigen::VectorXd& labels);
  Eigen::MatrixXd Hessian(const Eigen::MatrixXd& features, const Eigen::VectorXd& spread) const;
  void TakeMoments(const AnswerBook& book);
  // The same without a table.
  void TakeLogisticMoments(const AnswerBook& book);
  // Puts the answers that weigh anything in an agent's credit in the place of the model's.
  void TakeAnswers(const AnswerBook& book);
  // Adds what the values of the coalitions not asked for leave open.
  void AddDoubt(const LogisticGame& game, const AnswerBook& book);
  Eigen::VectorXd Features(Coalition players) const;

  int n_;
  double low_;
  double high_;
  double prior_variance_ = 1;    // of each weight
  Eigen::VectorXd weights_;      // n, then the bias
  Eigen::MatrixXd covariance_;   // of the weights, a posteriori
  Eigen::MatrixXd sensitivity_;  // n x (n+1): d phi / d weights
  Eigen::MatrixXd features_;     // (n+1) x m, as answered
  Eigen::VectorXd loo_;          // leave-one-out probability of the higher value, for each answer
  absl::flat_hash_map<Coalition, int> answer_index_;
  std::vector<double> credit_;
  std::vector<double> variance_;
};

// It keeps what it has seen of a pair, so two threads must not share one.
class ThresholdModel::Prior final : public OddPrior {
 public:
  explicit Prior(const ThresholdModel& model) : model_(model), white_(model.n_) {}

  int n() const override { return model_.n_; }
  void FillRow(Coalition pair, absl::Span<const Coalition> others, double* out) const override;
  void FillCredit(Coalition pair, double* out) const override;
  Eigen::MatrixXd CreditCovariance() const override;

 private:
  // d o / d weights is `slope` x for the agents and `lean` for the bias.
  struct Local {
    double slope = 0;
    double lean = 0;
    double doubt = 0;  // variance of o given the weights
  };
  const Local& At(Coalition pair) const;

  const ThresholdModel& model_;
  WhitePart white_;
  mutable absl::flat_hash_map<Coalition, Local> seen_;
};

}  // namespace assay::credit

#endif  // ASSAY_SERVER_CREDIT_ODD_BAYES_THRESHOLD_MODEL_H_
