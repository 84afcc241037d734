#include "server/credit/odd_bayes/ard_prior.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <utility>

#include "server/credit/logistic/quadrature.h"

namespace assay::credit {
namespace {

constexpr int kMaxTableBits = 8;
constexpr int kMaxAgents = 64;
constexpr int kMaxNodes = kMaxAgents / 2 + 2;

std::vector<double> Decay(const std::vector<double>& relevance) {
  std::vector<double> decay;
  decay.reserve(relevance.size());
  for (double value : relevance) decay.push_back(std::exp(-value));
  return decay;
}

// out[i] += the slope of the kernel in agent i's joining. A member's joins is positive.
void AddSlopes(double same, double other, const double* __restrict joins,
               const double* __restrict per_in, const double* __restrict per_absent, int n,
               double* __restrict out) {
  for (int i = 0; i < n; ++i) {
    const double first = joins[i] > 0 ? per_in[i] : per_absent[i];
    const double second = joins[i] > 0 ? per_absent[i] : per_in[i];
    out[i] += joins[i] * (same * first + other * second);
  }
}

}  // namespace

ProductTable::ProductTable(absl::Span<const double> factors) {
  const int n = static_cast<int>(factors.size());
  chunks_ = (n + kMaxTableBits - 1) / kMaxTableBits;
  bits_ = (n + chunks_ - 1) / chunks_;
  mask_ = (Coalition{1} << bits_) - 1;
  table_.resize(static_cast<std::size_t>(chunks_) << bits_);
  for (int c = 0; c < chunks_; ++c) {
    const int begin = c * bits_;
    const int agents = std::clamp(n - begin, 0, bits_);
    Products* const products = &table_[static_cast<std::size_t>(c) << bits_];
    for (int i = 0; i < agents; ++i) {
      const std::size_t half = std::size_t{1} << i;
      for (std::size_t k = 0; k < half; ++k) {
        products[half + k].same = products[k].same * factors[begin + i];
      }
    }
    const std::size_t all = (std::size_t{1} << agents) - 1;
    for (std::size_t k = 0; k <= all; ++k) products[k].other = products[all ^ k].same;
  }
}

ArdPrior::ArdPrior(const ArdParameters& parameters)
    : n_(static_cast<int>(parameters.relevance.size())),
      decay_(Decay(parameters.relevance)),
      linear_(parameters.linear),
      white_(parameters.white),
      odd_norm_(1),
      products_(decay_),
      white_part_(n_) {
  odd_norm_ = 1 - products_.At(0).other;
  Quadrature quadrature = GaussLegendre(n_ / 2 + 2);
  nodes_ = std::move(quadrature.nodes);
  node_weights_ = std::move(quadrature.weights);
  const std::size_t nodes = nodes_.size();
  for (std::vector<double>* means :
       {&means_.in, &means_.absent, &means_.per_in, &means_.per_absent}) {
    means->resize(n_ * nodes);
  }
  for (int i = 0; i < n_; ++i) {
    for (std::size_t k = 0; k < nodes; ++k) {
      const double q = nodes_[k];
      const double in = q + (1 - q) * decay_[i];
      const double absent = q * decay_[i] + (1 - q);
      means_.in[i * nodes + k] = in;
      means_.absent[i * nodes + k] = absent;
      means_.per_in[k * n_ + i] = 1 / in;
      means_.per_absent[k * n_ + i] = 1 / absent;
    }
  }
  for (int d = 0; d <= n_; ++d) by_distance_.push_back(linear_ * (n_ - 2 * d) / n_);
}

void ArdPrior::FillRow(Coalition pair, absl::Span<const Coalition> others, double* out) const {
  for (std::size_t k = 0; k < others.size(); ++k) {
    const Coalition differing = pair ^ others[k];
    const ProductTable::Products products = products_.At(differing);
    out[k] = (products.same - products.other) / odd_norm_ + by_distance_[std::popcount(differing)] +
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
  // At each node the weighted mean of the kernel to the pair's member, and to its complement.
  std::array<double, kMaxNodes> same;
  std::array<double, kMaxNodes> other;
  const std::size_t nodes = nodes_.size();
  for (std::size_t k = 0; k < nodes; ++k) same[k] = other[k] = node_weights_[k] / odd_norm_;
  std::array<double, kMaxAgents> joins;  // what an agent's joining makes of its factor
  for (int i = 0; i < n_; ++i) {
    const bool member = (pair >> i) & 1;
    joins[i] = member ? 1 - decay_[i] : decay_[i] - 1;
    const double* own = &(member ? means_.in : means_.absent)[i * nodes];
    const double* opposite = &(member ? means_.absent : means_.in)[i * nodes];
    for (std::size_t k = 0; k < nodes; ++k) {
      same[k] *= own[k];
      other[k] *= opposite[k];
    }
  }
  for (std::size_t k = 0; k < nodes; ++k) {
    AddSlopes(same[k], other[k], joins.data(), &means_.per_in[k * n_], &means_.per_absent[k * n_],
              n_, out);
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
