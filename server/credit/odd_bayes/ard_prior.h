#ifndef ASSAY_SERVER_CREDIT_ODD_BAYES_ARD_PRIOR_H_
#define ASSAY_SERVER_CREDIT_ODD_BAYES_ARD_PRIOR_H_

#include <Eigen/Core>
#include <vector>

#include "server/credit/odd_bayes/odd_prior.h"

namespace assay::credit {

// Products of a factor b_i of each agent, over any set of agents and over all others, from tables
// of a few agents each.
class ProductTable {
 public:
  struct Products {
    double same = 1;   // over the set
    double other = 1;  // over all others
  };

  // factors[i] = b_i.
  explicit ProductTable(absl::Span<const double> factors);
  Products At(Coalition differing) const {
    Products products = table_[differing & mask_];
    for (int c = 1; c < chunks_; ++c) {
      const Products& more = table_[c << bits_ | ((differing >> (c * bits_)) & mask_)];
      products.same *= more.same;
      products.other *= more.other;
    }
    return products;
  }
  int bits() const { return bits_; }
  int chunks() const { return chunks_; }

 private:
  int chunks_;
  int bits_;
  Coalition mask_;
  std::vector<Products> table_;  // chunk by chunk, 2^bits of each
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
  // Means of each agent's factor of the kernel, to a pair that holds the agent and to one that does
  // not, when it joins with the probability of each node.
  struct Means {
    std::vector<double> in, absent;          // agent by agent, the nodes of each
    std::vector<double> per_in, per_absent;  // their inverses, node by node
  };

  int n_;
  std::vector<double> decay_;  // b
  double linear_;
  double white_;
  double odd_norm_;  // 1 - prod b
  ProductTable products_;
  WhitePart white_part_;
  std::vector<double> nodes_;  // Gauss-Legendre on [0, 1]
  std::vector<double> node_weights_;
  Means means_;
  std::vector<double> by_distance_;  // the linear kernel between pairs that differ in 0..n agents
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
