#ifndef ASSAY_SERVER_CREDIT_ODD_BAYES_ODD_PRIOR_H_
#define ASSAY_SERVER_CREDIT_ODD_BAYES_ODD_PRIOR_H_

#include <Eigen/Core>
#include <vector>

#include "absl/types/span.h"
#include "server/plan/coalition.h"

// The Shapley value sees only the odd part of a game, o(S) = (v(S) - v(N\S)) / 2, which one
// complementary pair of questions reveals. A prior here is a Gaussian process over o, zero in the
// mean; a pair is named by the member that holds the last agent.
namespace assay::credit {

class OddPrior {
 public:
  virtual ~OddPrior() = default;
  virtual int n() const = 0;
  // out[k] = cov(o(pair), o(others[k])), with the prior's white part where they are the same pair.
  virtual void FillRow(Coalition pair, absl::Span<const Coalition> others, double* out) const = 0;
  // out[i] = cov(phi_i, o(pair)), i < n.
  virtual void FillCredit(Coalition pair, double* out) const = 0;
  // cov(phi_i, phi_j), n x n.
  virtual Eigen::MatrixXd CreditCovariance() const = 0;
};

// What white noise of unit variance on the pairs adds to the moments above.
class WhitePart {
 public:
  explicit WhitePart(int n);
  // cov(phi_i, o(S)) of a pair of size s: with i in S, without.
  double with(int s) const { return with_[s]; }
  double without(int s) const { return without_[s]; }
  double variance() const { return variance_; }      // of phi_i
  double covariance() const { return covariance_; }  // of phi_i and phi_j

 private:
  std::vector<double> with_;
  std::vector<double> without_;
  double variance_ = 0;
  double covariance_ = 0;
};

// Observed pairs: o = truth + independent noise of the variance given.
struct OddData {
  int n = 0;
  std::vector<Coalition> pairs;  // distinct
  std::vector<double> odd;
  std::vector<double> noise;

  // The first `count` pairs.
  OddData Head(int count) const;
};

// The data in units of their own root mean square, in which priors are fitted.
struct StandardOddData {
  explicit StandardOddData(const OddData& data);
  double unit;  // of the game's values, > 0
  Eigen::VectorXd odd;
  Eigen::VectorXd noise;
  bool noisy;
};

struct OddPosterior {
  Eigen::VectorXd credit;
  Eigen::MatrixXd covariance;    // of credit
  Eigen::VectorXd loo;           // leave-one-out residual of each pair
  Eigen::VectorXd loo_variance;  // that the posterior expected of it
  double log_predictive = 0;     // sum of leave-one-out log densities
};

// Conditions scale * prior on the data, noise taken as it is plus a jitter. Without noise
// (`profile_scale`) the scale is its maximum-likelihood value. O(m^3).
OddPosterior Condition(const OddPrior& prior, const OddData& data, double scale,
                       bool profile_scale);

}  // namespace assay::credit

#endif  // ASSAY_SERVER_CREDIT_ODD_BAYES_ODD_PRIOR_H_
