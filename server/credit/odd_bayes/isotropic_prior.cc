#include "server/credit/odd_bayes/isotropic_prior.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <nlopt.hpp>

#include "server/credit/odd_bayes/cholesky.h"

namespace assay::credit {
namespace {

constexpr double kJitter = 1e-9;

// What is believed of a game before any answer: mean and spread of (log third, logit decay, logit
// white).
constexpr double kPriorMean[] = {-2.0, 0.0, -3.5};
constexpr double kPriorSpread[] = {1.2, 1.0, 1.5};
constexpr double kFirstStep[] = {1.5, 1.0, 1.8};

double Logistic(double x) { return 1 / (1 + std::exp(-x)); }

IsotropicSpectrum SpectrumAt(const double* theta) {
  return {std::exp(theta[0]), Logistic(theta[1]), Logistic(theta[2])};
}

// Share of the variance of order u, for odd u up to n; zero elsewhere.
std::vector<double> OrderShares(int n, const IsotropicSpectrum& spectrum) {
  std::vector<double> share(n + 1);
  std::vector<double> count(n + 1);  // C(n, u)
  double total = 0;
  double power = spectrum.third;
  double choose = 1;
  for (int u = 0; u <= n; ++u) {
    count[u] = choose;
    choose = choose * (n - u) / (u + 1);
    if (u % 2 == 0) continue;
    share[u] = u == 1 ? 1 : power;
    if (u >= 3) power *= spectrum.decay;
    total += share[u];
  }
  const double odd_count = std::ldexp(1.0, n - 1);
  for (int u = 1; u <= n; u += 2) {
    share[u] = share[u] / total * (1 - spectrum.white) + spectrum.white * count[u] / odd_count;
  }
  return share;
}

std::vector<double> KernelByDistance(int n, const std::vector<std::vector<double>>& krawtchouk,
                                     const std::vector<double>& share) {
  std::vector<double> kernel(n + 1);
  for (int u = 1; u <= n; u += 2) {
    for (int d = 0; d <= n; ++d) kernel[d] += share[u] * krawtchouk[u][d];
  }
  return kernel;
}

// The negative log posterior of the spectrum given the data.
class Objective {
 public:
  explicit Objective(const OddData& data)
      : n_(data.n),
        m_(static_cast<int>(data.pairs.size())),
        krawtchouk_(NormalisedKrawtchouk(n_)),
        data_(data),
        kernel_(m_) {
    distance_.reserve(m_ * (m_ + 1) / 2);
    for (int a = 0; a < m_; ++a) {
      for (int b = a; b < m_; ++b) {
        distance_.push_back(std::popcount(data.pairs[a] ^ data.pairs[b]));
      }
    }
  }

  bool noisy() const { return data_.noisy; }
  // Variance of the data's unit: a fitted scale is relative to it.
  double unit_variance() const { return data_.unit * data_.unit; }

  double operator()(const double* theta) {
    const std::vector<double> by_distance =
        KernelByDistance(n_, krawtchouk_, OrderShares(n_, SpectrumAt(theta)));
    const double scale = data_.noisy ? std::exp(theta[3]) : 1;
    std::size_t next = 0;
    for (int a = 0; a < m_; ++a) {
      double* column = kernel_.column(a);
      for (int b = a; b < m_; ++b) column[b] = scale * by_distance[distance_[next++]];
      column[a] += scale * kJitter + data_.noise[a];
    }
    if (!kernel_.Factorise()) return 1e10;
    const double fit = kernel_.Whiten(data_.odd).squaredNorm();
    double value = data_.noisy ? 0.5 * fit : 0.5 * m_ * std::log(fit / m_ + 1e-300);
    value += kernel_.LogDeterminant();
    for (int k = 0; k < 3; ++k) {
      const double off = (theta[k] - kPriorMean[k]) / kPriorSpread[k];
      value += 0.5 * off * off;
    }
    if (data_.noisy) value += 0.5 * theta[3] * theta[3];
    return value;
  }

 private:
  int n_;
  int m_;
  std::vector<std::vector<double>> krawtchouk_;
  const StandardOddData data_;
  std::vector<std::uint8_t> distance_;  // of pairs a <= b, row after row
  Cholesky kernel_;
};

}  // namespace

std::vector<std::vector<double>> NormalisedKrawtchouk(int n) {
  // Exact in 64 bits up to n = 64, since |K_u(d)| <= C(n, u): from (1+z)^(n-d) (1-z)^d by one
  // factor (1-z)/(1+z) at a time. Differences on the way may wrap, what comes of them fits.
  std::vector<std::uint64_t> column(n + 1);
  column[0] = 1;
  for (int k = 0; k < n; ++k) {
    for (int u = k + 1; u > 0; --u) column[u] += column[u - 1];
  }
  const std::vector<std::uint64_t> count = column;
  std::vector<std::vector<double>> krawtchouk(n + 1, std::vector<double>(n + 1));
  for (int d = 0; d <= n; ++d) {
    for (int u = 0; u <= n; ++u) {
      krawtchouk[u][d] =
          static_cast<double>(static_cast<std::int64_t>(column[u])) / static_cast<double>(count[u]);
    }
    std::uint64_t before = column[0];
    for (int u = 1; u <= n; ++u) {
      const std::uint64_t old = column[u];
      column[u] = old - before - column[u - 1];
      before = old;
    }
  }
  return krawtchouk;
}

IsotropicPrior::IsotropicPrior(int n, const IsotropicSpectrum& spectrum)
    : n_(n), with_(n + 1), without_(n + 1) {
  const std::vector<double> share = OrderShares(n, spectrum);
  by_distance_ = KernelByDistance(n, NormalisedKrawtchouk(n), share);
  const std::vector<std::vector<double>> inner = NormalisedKrawtchouk(n - 1);
  for (int u = 1; u <= n; u += 2) {
    for (int s = 0; s <= n; ++s) {
      if (s >= 1) with_[s] += 2 * share[u] / n * inner[u - 1][n - s];
      if (s <= n - 1) without_[s] -= 2 * share[u] / n * inner[u - 1][n - s - 1];
    }
    variance_ += 4 * share[u] / (u * n);
    if (n > 1) covariance_ += 4 * share[u] * (u - 1) / (u * n * (n - 1.0));
  }
}

void IsotropicPrior::FillRow(Coalition pair, absl::Span<const Coalition> others,
                             double* out) const {
  for (std::size_t k = 0; k < others.size(); ++k) {
    out[k] = by_distance_[std::popcount(pair ^ others[k])];
  }
}

void IsotropicPrior::FillCredit(Coalition pair, double* out) const {
  const int size = std::popcount(pair);
  for (int i = 0; i < n_; ++i) out[i] = (pair >> i) & 1 ? with_[size] : without_[size];
}

Eigen::MatrixXd IsotropicPrior::CreditCovariance() const {
  Eigen::MatrixXd covariance = Eigen::MatrixXd::Constant(n_, n_, covariance_);
  covariance.diagonal().setConstant(variance_);
  return covariance;
}

IsotropicFit FitIsotropic(const OddData& data, const Eigen::VectorXd& start) {
  Objective objective(data);
  const int dimensions = objective.noisy() ? 4 : 3;
  std::vector<double> theta(dimensions);
  std::vector<double> step(dimensions, 0.7);
  const bool warm = start.size() == dimensions;
  for (int k = 0; k < dimensions; ++k) {
    theta[k] = warm ? start[k] : (k < 3 ? kPriorMean[k] : 0);
    if (k < 3) step[k] = kFirstStep[k] * (warm ? 0.5 : 1);
  }
  nlopt::opt search(nlopt::LN_NELDERMEAD, dimensions);
  search.set_min_objective([](unsigned, const double* x, double*,
                              void* self) { return (*static_cast<Objective*>(self))(x); },
                           &objective);
  search.set_initial_step(step);
  search.set_xtol_abs(0.1);
  search.set_ftol_abs(0.02);
  search.set_maxeval(warm ? 15 : 60);
  double least = 0;
  search.optimize(theta, least);
  const double scale = objective.noisy() ? std::exp(theta[3]) * objective.unit_variance() : 1;
  return {IsotropicPrior(data.n, SpectrumAt(theta.data())),
          Eigen::Map<const Eigen::VectorXd>(theta.data(), dimensions), scale};
}

}  // namespace assay::credit
