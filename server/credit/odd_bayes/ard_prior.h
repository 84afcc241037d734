#ifndef ASSAY_SERVER_CREDIT_ODD_BAYES_ARD_PRIOR_H_
#define ASSAY_SERVER_CREDIT_ODD_BAYES_ARD_PRIOR_H_

#include <Eigen/Core>
#include <vector>

#include "server/credit/odd_bayes/odd_prior.h"

namespace assay::credit {

// b_i^[i in D] multiplied over all i, for any set D of differing agents, from tables of a few
// agents each.
class ProductTable {
 public:
  // factors[i] = b_i.
  explicit ProductTable(absl::Span<const double> factors);
  double At(Coalition differing) const {
    double product = tables_[0][differing & mask_];
    for (std::size_t c = 1; c < tables_.size(); ++c) {
      product *= tables_[c][(differing >> (c * bits_)) & mask_];
    }
    return product;
  }
  int bits() const { return bits_; }
  int chunks() const { return static_cast<int>(tables_.size()); }

 private:
  int bits_;
  Coalition mask_;
  std::vector<std::vector<double>> tables_;
};

// Prior B: each agent its own relevance. The odd part of prod_i b_i^[x_i != x_i'], normalised, plus
// a linear game, plus white. b_i = exp(-relevance_i).
struct ArdParameters {
  std::vector<double> relevance;
  double linear = 1;
  double white = 0;
};

class ArdPrior final : public OddPrior {
 public:
  explicit ArdPrior(const ArdParameters& parameters);

  int n() const override { return n_; }
  void FillRow(Coalition pair, absl::Span<const Coalition> others, double* out) const override;
  void FillCredit(Coalition pair, double* out) const override;
  Eigen::MatrixXd CreditCovariance() const override;

 private:
  // Means of one agent's factor of the kernel, to a pair that holds the agent and to one that does
  // not, when it joins with a node's probability; and their inverses.
  struct NodeMean {
    double in, absent, per_in, per_absent;
  };

  int n_;
  Coalition everyone_;
  std::vector<double> decay_;  // b
  double linear_;
  double white_;
  double odd_norm_;  // 1 - prod b
  ProductTable products_;
  WhitePart white_part_;
  std::vector<double> nodes_;  // Gauss-Legendre on [0, 1]
  std::vector<double> node_weights_;
  std::vector<NodeMean> means_;  // node by node, n of each
};

struct ArdFit {
  ArdPrior prior;
  Eigen::VectorXd parameters;  // to start the next fit from
  double scale = 1;
};

// Maximum a posteriori by L-BFGS over (log relevance, log linear, log white, their mean and, where
// the data are noisy, log scale), analytic gradient. `start` as in FitIsotropic. O(m^3 + m^2 n /
// 11) a step, at most `max_steps`.
ArdFit FitArd(const OddData& data, const Eigen::VectorXd& start, int max_steps);

}  // namespace assay::credit

#endif  // ASSAY_SERVER_CREDIT_ODD_BAYES_ARD_PRIOR_H_
