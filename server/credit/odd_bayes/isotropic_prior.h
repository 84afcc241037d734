#ifndef ASSAY_SERVER_CREDIT_ODD_BAYES_ISOTROPIC_PRIOR_H_
#define ASSAY_SERVER_CREDIT_ODD_BAYES_ISOTROPIC_PRIOR_H_

#include <Eigen/Core>
#include <vector>

#include "server/credit/odd_bayes/odd_prior.h"

namespace assay::credit {

// Prior A: all agents alike. The Walsh coefficients of order u share a variance; a kernel value
// depends on the Hamming distance alone, through Krawtchouk polynomials.
struct IsotropicSpectrum {
  double third = 0.15;  // variance of order 3, that of order 1 being 1
  double decay = 0.3;   // of the variance from one odd order to the next, beyond order 3
  double white = 0.02;  // share spread evenly over all odd coefficients, in [0, 1]
};

class IsotropicPrior final : public OddPrior {
 public:
  IsotropicPrior(int n, const IsotropicSpectrum& spectrum);

  int n() const override { return n_; }
  void FillRow(Coalition pair, absl::Span<const Coalition> others, double* out) const override;
  void FillCredit(Coalition pair, double* out) const override;
  Eigen::MatrixXd CreditCovariance() const override;
  // cov(o(S), o(S')) at Hamming distance 0..n; 1 at distance 0.
  const std::vector<double>& by_distance() const { return by_distance_; }

 private:
  int n_;
  std::vector<double> by_distance_;
  std::vector<double> with_;     // cov(phi_i, o(S)) by |S| for i in S
  std::vector<double> without_;  // and for i outside
  double variance_ = 0;
  double covariance_ = 0;
};

// K[u][d], the sum of chi_U over |U| = u at a point with d coordinates -1: sum_j (-1)^j C(d, j)
// C(n-d, u-j), divided by C(n, u). u, d = 0..n.
std::vector<std::vector<double>> NormalisedKrawtchouk(int n);

struct IsotropicFit {
  IsotropicPrior prior;
  Eigen::VectorXd parameters;  // to start the next fit from
  double scale = 1;            // of the prior's variance
};

// Maximum a posteriori by Nelder-Mead over (log third, logit decay, logit white) and, where the
// data are noisy, log scale. `start` is empty or the parameters of an earlier fit, which then needs
// fewer steps. O(m^3) a step, steps <= 70.
IsotropicFit FitIsotropic(const OddData& data, const Eigen::VectorXd& start);

}  // namespace assay::credit

#endif  // ASSAY_SERVER_CREDIT_ODD_BAYES_ISOTROPIC_PRIOR_H_
