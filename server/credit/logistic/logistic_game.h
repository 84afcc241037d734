#ifndef ASSAY_SERVER_CREDIT_LOGISTIC_LOGISTIC_GAME_H_
#define ASSAY_SERVER_CREDIT_LOGISTIC_LOGISTIC_GAME_H_

#include <Eigen/Core>
#include <vector>

namespace assay::credit {

// The game v(S) = logistic(bias + sum of w_i x_i), x_i = +1 for members and -1 for the absent, of
// any number of agents up to 64: no table of its coalitions is needed.
class LogisticGame {
 public:
  LogisticGame(Eigen::VectorXd weights, double bias);

  // Shapley values, to 1e-9. By the multilinear extension (Owen 1972) and the characteristic
  // function of the sum of the other agents' votes, which is a product. O(n^2) for each unit of the
  // sum of the absolute weights.
  std::vector<double> Shapley() const;

  // How Shapley value i moves with weight k, and in column n with the bias: n x (n+1). The votes of
  // the others and the logistic slope are taken as normal, which is good to a few per cent where
  // many agents vote. O(n^2).
  Eigen::MatrixXd Sensitivity() const;

  // The mean slope p (1 - p) of v over the coalitions of a size, under the same approximation.
  double MeanSlope(int size) const;

 private:
  int n_;
  Eigen::VectorXd weights_;
  double bias_;
};

}  // namespace assay::credit

#endif  // ASSAY_SERVER_CREDIT_LOGISTIC_LOGISTIC_GAME_H_
