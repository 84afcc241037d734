#ifndef ASSAY_SERVER_CREDIT_ODD_BAYES_EVEN_PART_H_
#define ASSAY_SERVER_CREDIT_ODD_BAYES_EVEN_PART_H_

#include <Eigen/Core>
#include <optional>
#include <vector>

#include "server/credit/exact.h"
#include "server/credit/odd_bayes/cholesky.h"
#include "server/plan/coalition.h"

namespace assay::credit {

// A Gaussian process over the even part of a game, e(S) = (v(S) + v(N\S)) / 2: the mean of the
// answers, a constant, and isotropic variance over the even orders. Pairwise interactions see only
// this part, and with it one side of a pair predicts the other. O(m^3) to build.
class EvenPart {
 public:
  // `pairs` names complementary pairs by one member each; `even` holds the mean of the two sides of
  // each pair, and `noise` the variance of that mean.
  EvenPart(int n, std::vector<Coalition> pairs, const std::vector<double>& even,
           const std::vector<double>& noise);

  struct Prediction {
    double mean = 0;
    double variance = 0;
  };
  Prediction At(Coalition pair) const;
  // Mean square of the leave-one-out residuals.
  double LooVariance() const;
  // Posterior means of the pairwise Shapley interactions, i < j in lexicographic order.
  std::vector<PairInteraction> Interactions() const;

 private:
  int n_;
  std::vector<Coalition> pairs_;
  double mean_ = 0;
  double unit_ = 0;            // root mean square of even - mean; 0: the even part is constant
  std::vector<double> share_;  // of the variance, by order
  std::vector<double> by_distance_;  // kernel, the constant included
  double scale_ = 0;
  std::optional<Cholesky> factor_;
  Eigen::VectorXd alpha_;
};

}  // namespace assay::credit

#endif  // ASSAY_SERVER_CREDIT_ODD_BAYES_EVEN_PART_H_
