#include "server/credit/odd_bayes/ard_prior.h"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <bit>
#include <cmath>

namespace assay::credit {
namespace {

constexpr int kMaxTableBits = 8;

struct Quadrature {
  std::vector<double> nodes;
  std::vector<double> weights;
};

// Gauss-Legendre on [0, 1] (Golub & Welsch 1969).
Quadrature GaussLegendre(int count) {
  Eigen::VectorXd diagonal = Eigen::VectorXd::Zero(count);
  Eigen::VectorXd beside(count - 1);
  for (int k = 1; k < count; ++k) beside[k - 1] = k / std::sqrt(4.0 * k * k - 1);
  Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver;
  solver.computeFromTridiagonal(diagonal, beside);
  Quadrature quadrature;
  for (int k = 0; k < count; ++k) {
    const double first = solver.eigenvectors()(0, k);
    quadrature.nodes.push_back((solver.eigenvalues()[k] + 1) / 2);
    quadrature.weights.push_back(first * first);
  }
  return quadrature;
}

std::vector<double> Decay(const std::vector<double>& relevance) {
  std::vector<double> decay;
  decay.reserve(relevance.size());
  for (double value : relevance) decay.push_back(std::exp(-value));
  return decay;
}

}  // namespace

ProductTable::ProductTable(absl::Span<const double> factors) {
  const int n = static_cast<int>(factors.size());
  const int chunks = (n + kMaxTableBits - 1) / kMaxTableBits;
  bits_ = (n + chunks - 1) / chunks;
  mask_ = (Coalition{1} << bits_) - 1;
  for (int begin = 0; begin < n; begin += bits_) {
    std::vector<double> table = {1};
    for (int i = begin; i < std::min(n, begin + bits_); ++i) {
      const std::size_t half = table.size();
      for (std::size_t k = 0; k < half; ++k) table.push_back(table[k] * factors[i]);
    }
    tables_.push_back(std::move(table));
  }
}

ArdPrior::ArdPrior(const ArdParameters& parameters)
    : n_(static_cast<int>(parameters.relevance.size())),
      everyone_(PlayerSet::All(n_).mask()),
      decay_(Decay(parameters.relevance)),
      linear_(parameters.linear),
      white_(parameters.white),
      odd_norm_(1),
      products_(decay_),
      white_part_(n_) {
  odd_norm_ = 1 - products_.At(everyone_);
  Quadrature quadrature = GaussLegendre(n_ / 2 + 2);
  nodes_ = std::move(quadrature.nodes);
  node_weights_ = std::move(quadrature.weights);
  for (double q : nodes_) {
    for (double b : decay_) {
      const double in = q + (1 - q) * b;
      const double absent = q * b + (1 - q);
      means_.push_back({in, absent, 1 / in, 1 / absent});
    }
  }
}

void ArdPrior::FillRow(Coalition pair, absl::Span<const Coalition> others, double* out) const {
  for (std::size_t k = 0; k < others.size(); ++k) {
    const Coalition differing = pair ^ others[k];
    const double product = products_.At(differing) - products_.At(everyone_ ^ differing);
    out[k] = product / odd_norm_ + linear_ * (n_ - 2 * std::popcount(differing)) / n_ +
             (differing == 0 ? white_ : 0);
  }
}

// phi_i = integral over q of the mean marginal of i when every other agent joins with probability q
// (Owen 1972): the product kernel keeps its form under that mean, agent by agent.
void ArdPrior::FillCredit(Coalition pair, double* out) const {
  const int size = std::popcount(pair);
  for (int i = 0; i < n_; ++i) {
    const bool in = (pair >> i) & 1;
    out[i] = (in ? 2 : -2) * linear_ / n_ +
             white_ * (in ? white_part_.with(size) : white_part_.without(size));
  }
  for (std::size_t k = 0; k < nodes_.size(); ++k) {
    const NodeMean* means = &means_[k * n_];
    double same =
        node_weights_[k] / odd_norm_;  // mean of the kernel to the pair's member, weighted
    double other = same;               // and to its complement
    for (int i = 0; i < n_; ++i) {
      const bool member = (pair >> i) & 1;
      same *= member ? means[i].in : means[i].absent;
      other *= member ? means[i].absent : means[i].in;
    }
    for (int i = 0; i < n_; ++i) {
      const bool member = (pair >> i) & 1;
      const double slope = member ? same * means[i].per_in + other * means[i].per_absent
                                  : -same * means[i].per_absent - other * means[i].per_in;
      out[i] += (1 - decay_[i]) * slope;
    }
  }
}

Eigen::MatrixXd ArdPrior::CreditCovariance() const {
  Eigen::MatrixXd covariance = Eigen::MatrixXd::Zero(n_, n_);
  std::vector<double> mean(n_);
  for (std::size_t k = 0; k < nodes_.size(); ++k) {
    for (std::size_t l = 0; l < nodes_.size(); ++l) {
      const double p = nodes_[k];
      const double q = nodes_[l];
      double product = 2 / odd_norm_ * node_weights_[k] * node_weights_[l];
      for (int i = 0; i < n_; ++i) {
        mean[i] = p * q + (1 - p) * (1 - q) + decay_[i] * (p * (1 - q) + q * (1 - p));
        product *= mean[i];
      }
      for (int i = 0; i < n_; ++i) {
        covariance(i, i) += product / mean[i] * 2 * (1 - decay_[i]);
        const double row = product / mean[i] * (1 - decay_[i]) * (2 * q - 1) * (2 * p - 1);
        for (int j = 0; j < n_; ++j) {
          if (j != i) covariance(i, j) += row * (1 - decay_[j]) / mean[j];
        }
      }
    }
  }
  covariance.array() += white_ * white_part_.covariance();
  covariance.diagonal().array() +=
      4 * linear_ / n_ + white_ * (white_part_.variance() - white_part_.covariance());
  return covariance;
}

}  // namespace assay::credit
