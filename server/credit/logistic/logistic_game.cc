#include "server/credit/logistic/logistic_game.h"

#include <array>
#include <cmath>
#include <numbers>
#include <utility>

#include "server/credit/logistic/quadrature.h"
#include "server/credit/wide_vectors.h"

namespace assay::credit {
namespace {

constexpr double kPi = std::numbers::pi;
// Beyond this frequency the transform of the logistic slope is below 1e-10 of its peak.
constexpr double kLastFrequency = 7.5;
constexpr double kTail = 25;  // a logistic is 0 or 1 to 1e-11 so far from its step
// The normal distribution nearest to the logistic one has this variance (MacKay 1992).
constexpr double kLogisticVariance = 8 / kPi;

constexpr int kMaxAgents = 64;
constexpr int kMaxHalf = kMaxAgents / 4 + 2;  // nodes of the upper half of [0, 1]

// Products over agents of cos + i m sin, one for each node m, the real parts apart from the others.
struct Products {
  std::array<double, kMaxHalf> real;
  std::array<double, kMaxHalf> imaginary;
};

ASSAY_WIDE_VECTORS void Multiply(double cosine, double sine, const double* nodes, int count,
                                 const Products& from, Products& to) {
  for (int k = 0; k < count; ++k) {
    const double y = nodes[k] * sine;
    const double real = from.real[k] * cosine - from.imaginary[k] * y;
    to.imaginary[k] = from.imaginary[k] * cosine + from.real[k] * y;
    to.real[k] = real;
  }
}

double RealPart(const Products& a, const Products& b, const double* weights, int count) {
  double sum = 0;
  for (int k = 0; k < count; ++k) {
    sum += weights[k] * (a.real[k] * b.real[k] - a.imaginary[k] * b.imaginary[k]);
  }
  return sum;
}

struct Density {
  double value;
  double slope;
};

// Of a normal distribution about 0.
Density NormalAt(double x, double variance) {
  const double value = std::exp(-0.5 * x * x / variance) / std::sqrt(2 * kPi * variance);
  return {value, -x / variance * value};
}

}  // namespace

LogisticGame::LogisticGame(Eigen::VectorXd weights, double bias)
    : n_(static_cast<int>(weights.size())), weights_(std::move(weights)), bias_(bias) {}

// Where every other agent joins with chance q, agent i turns logistic(y - w_i) into
// logistic(y + w_i). In frequencies t that difference is 2 pi sin(w_i t) / sinh(pi t), and y has
// the characteristic function exp(i t bias) prod_j (cos(w_j t) + i (2q - 1) sin(w_j t)), which the
// opposite chance 1 - q conjugates but for the bias. The trapezoidal rule in t is exact but for
// copies of the game moved by 2 pi / step, which lie beyond all sums of votes.
std::vector<double> LogisticGame::Shapley() const {
  const Quadrature quadrature = GaussLegendre(n_ / 2 + 1);
  std::array<double, kMaxHalf> nodes;
  std::array<double, kMaxHalf> node_weights;
  int count = 0;
  const int half = static_cast<int>(quadrature.nodes.size()) / 2;
  for (std::size_t k = half; k < quadrature.nodes.size(); ++k) {
    const bool middle = quadrature.nodes.size() % 2 == 1 && count == 0;
    nodes[count] = middle ? 0 : 2 * quadrature.nodes[k] - 1;
    node_weights[count++] = (middle ? 1 : 2) * quadrature.weights[k];
  }
  const double reach = weights_.cwiseAbs().sum() + weights_.cwiseAbs().maxCoeff();
  const double step = 2 * kPi / (reach + std::abs(bias_) + kTail);
  std::vector<double> credit(n_);
  std::vector<double> cosine(n_);
  std::vector<double> sine(n_);
  std::vector<Products> before(n_ + 1);
  before[0].real.fill(1);
  before[0].imaginary.fill(0);
  for (int node = 0; node * step < kLastFrequency; ++node) {
    const double t = node * step;
    for (int i = 0; i < n_; ++i) {
      cosine[i] = std::cos(weights_[i] * t);
      sine[i] = std::sin(weights_[i] * t);
      Multiply(cosine[i], sine[i], nodes.data(), count, before[i], before[i + 1]);
    }
    Products after = before[0];
    const double weight = 2 * step * std::cos(bias_ * t) / (node == 0 ? 2 : std::sinh(kPi * t));
    for (int i = n_ - 1; i >= 0; --i) {
      const double turned = node == 0 ? weights_[i] / kPi : sine[i];
      credit[i] += weight * turned * RealPart(before[i], after, node_weights.data(), count);
      Multiply(cosine[i], sine[i], nodes.data(), count, after, after);
    }
  }
  return credit;
}

Eigen::MatrixXd LogisticGame::Sensitivity() const {
  const Quadrature quadrature = GaussLegendre(n_ / 2 + 2);
  const double total = weights_.sum();
  const double squares = weights_.squaredNorm();
  Eigen::VectorXd own = Eigen::VectorXd::Zero(n_);     // by the agent's own weight
  Eigen::VectorXd common = Eigen::VectorXd::Zero(n_);  // by the mean vote of another
  Eigen::VectorXd spread = Eigen::VectorXd::Zero(n_);  // by how its vote goes with their sum
  Eigen::VectorXd shift = Eigen::VectorXd::Zero(n_);   // by the bias
  for (std::size_t k = 0; k < quadrature.nodes.size(); ++k) {
    const double q = quadrature.nodes[k];
    const double mean = 2 * q - 1;
    const double vote_variance = 4 * q * (1 - q);
    const double weight = quadrature.weights[k];
    for (int i = 0; i < n_; ++i) {
      const double w = weights_[i];
      const double centre = bias_ + mean * (total - w);
      const double variance = kLogisticVariance + vote_variance * (squares - w * w);
      const Density in = NormalAt(centre + w, variance);
      const Density out = NormalAt(centre - w, variance);
      own[i] += weight * (in.value + out.value);
      shift[i] += weight * (in.value - out.value);
      common[i] += weight * mean * (in.value - out.value);
      spread[i] += weight * vote_variance * (in.slope - out.slope);
    }
  }
  Eigen::MatrixXd sensitivity(n_, n_ + 1);
  for (int k = 0; k < n_; ++k) sensitivity.col(k) = common + weights_[k] * spread;
  sensitivity.diagonal() = own;
  sensitivity.col(n_) = shift;
  return sensitivity;
}

double LogisticGame::MeanSlope(int size) const {
  const double q = static_cast<double>(size) / n_;
  const double variance = kLogisticVariance + 4 * q * (1 - q) * weights_.squaredNorm();
  return NormalAt(bias_ + (2 * q - 1) * weights_.sum(), variance).value;
}

}  // namespace assay::credit
