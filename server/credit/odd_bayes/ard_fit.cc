#include <algorithm>
#include <bit>
#include <cmath>
#include <nlopt.hpp>

#include "absl/types/span.h"
#include "server/credit/odd_bayes/ard_prior.h"
#include "server/credit/odd_bayes/cholesky.h"

namespace assay::credit {
namespace {

constexpr double kJitter = 1e-9;

// theta = log relevance (n), log linear, log white, mean of the log relevance, [log scale]. What is
// believed of them before any answer; the mean of the log relevance itself is believed near log(1.2
// / sqrt(n)).
constexpr double kRelevanceSpread = 0.8;
constexpr double kLinearSpread = 1.5;
constexpr double kWhiteMean = -5;
constexpr double kWhiteSpread = 2;

double MeanLogRelevance(int n) { return std::log(1.2 / std::sqrt(n)); }

class Objective {
 public:
  explicit Objective(const OddData& data)
      : n_(data.n), m_(static_cast<int>(data.pairs.size())), data_(data), kernel_(m_) {
    for (int a = 0; a < m_; ++a) {
      for (int b = a + 1; b < m_; ++b) {
        differing_.push_back(data.pairs[a] ^ data.pairs[b]);
        agreement_.push_back((n_ - 2.0 * std::popcount(differing_.back())) / n_);
      }
    }
    products_.resize(differing_.size());
  }

  bool noisy() const { return data_.noisy; }
  int dimensions() const { return n_ + (data_.noisy ? 4 : 3); }
  double unit_variance() const { return data_.unit * data_.unit; }

  // The negative log posterior and its gradient.
  double operator()(const double* theta, double* gradient) {
    Eigen::Map<const Eigen::VectorXd> logs(theta, dimensions());
    const double linear = std::exp(theta[n_]);
    const double white = std::exp(theta[n_ + 1]);
    const double scale = data_.noisy ? std::exp(theta[n_ + 3]) : 1;
    std::vector<double> decay(n_);
    double total = 0;
    for (int i = 0; i < n_; ++i) {
      total += std::exp(theta[i]);
      decay[i] = std::exp(-std::exp(theta[i]));
    }
    const ProductTable products(decay);
    const double norm = -std::expm1(-total);
    const double diagonal = scale * (1 + linear) * (1 + kJitter) + scale * white;
    Fill(products, norm, linear, scale, diagonal);
    double value = PriorOf(theta, gradient);
    if (!kernel_.Factorise()) return 1e10;
    const Eigen::VectorXd white_odd = kernel_.Whiten(data_.odd);
    const double fit = white_odd.squaredNorm();
    value += data_.noisy ? 0.5 * fit : 0.5 * m_ * std::log(fit / m_ + 1e-300);
    value += kernel_.LogDeterminant();
    if (gradient == nullptr) return value;

    kernel_.Invert();
    const Eigen::VectorXd alpha = kernel_.Unwhiten(white_odd);
    TakeSensitivity(alpha, data_.noisy ? 1 : m_ / (fit + 1e-300));
    AddGradient(products, theta, norm, linear, white, scale, gradient);
    return value;
  }

 private:
  // W = (K^-1 - weight alpha alpha^T) / 2.
  void TakeSensitivity(const Eigen::VectorXd& alpha, double weight) {
    kernel_.InverseTo(sensitivity_);
    for (int a = 0; a < m_; ++a) {
      auto column = sensitivity_.col(a).segment(a, m_ - a);
      column = 0.5 * (column - (weight * alpha[a]) * alpha.tail(m_ - a));
    }
  }

  void Fill(const ProductTable& products, double norm, double linear, double scale,
            double diagonal) {
    const double product_scale = scale / norm;
    const double linear_scale = scale * linear;
    std::size_t next = 0;
    for (int a = 0; a < m_; ++a) {
      double* column = kernel_.column(a);
      column[a] = diagonal + data_.noise[a];
      for (int b = a + 1; b < m_; ++b, ++next) {
        const Coalition d = differing_[next];
        products_[next] = products.At(d);
        column[b] = product_scale * (products_[next].same - products_[next].other) +
                    linear_scale * agreement_[next];
      }
    }
  }

  double PriorOf(const double* theta, double* gradient) const {
    const double mean = theta[n_ + 2];
    double value = 0;
    double pull = 0;
    const auto add = [&](int k, double off, double spread) {
      value += 0.5 * off * off / (spread * spread);
      if (gradient != nullptr) gradient[k] = off / (spread * spread);
    };
    for (int i = 0; i < n_; ++i) {
      add(i, theta[i] - mean, kRelevanceSpread);
      pull += (theta[i] - mean) / (kRelevanceSpread * kRelevanceSpread);
    }
    add(n_, theta[n_], kLinearSpread);
    add(n_ + 1, theta[n_ + 1] - kWhiteMean, kWhiteSpread);
    add(n_ + 2, mean - MeanLogRelevance(n_), 1);
    if (gradient != nullptr) gradient[n_ + 2] -= pull;
    if (data_.noisy) add(n_ + 3, theta[n_ + 3], 1);
    return value;
  }

  // Each derivative is the sum of W times that of K.
  void AddGradient(const ProductTable& products, const double* theta, double norm, double linear,
                   double white, double scale, double* gradient) const {
    const int bits = products.bits();
    const Coalition mask = (Coalition{1} << bits) - 1;
    std::vector<std::vector<double>> buckets(products.chunks(), std::vector<double>(mask + 1));
    double complements = 0;  // sum of W times the product over agreeing agents
    double differences = 0;  // sum of W, off the diagonal, times the product kernel before its norm
    double linear_sum = 0;
    double trace = 0;
    std::size_t next = 0;
    const double nobody = products.At(0).other;
    for (int a = 0; a < m_; ++a) {
      const double* w = sensitivity_.col(a).data();
      trace += w[a];
      complements += w[a] * nobody;
      for (int b = a + 1; b < m_; ++b, ++next) {
        const Coalition d = differing_[next];
        const auto [same, other] = products_[next];
        const double twice = 2 * w[b];
        for (std::size_t c = 0; c < buckets.size(); ++c) {
          buckets[c][(d >> (c * bits)) & mask] += twice * (same + other);
        }
        complements += twice * other;
        differences += twice * (same - other);
        linear_sum += twice * agreement_[next];
      }
    }
    linear_sum += trace;
    const double product_sum = trace + differences / norm;
    const double normalising = -product_sum * nobody / norm;
    std::vector<double> differing(n_);
    for (int i = 0; i < n_; i += bits) {
      SumByAgent(buckets[i / bits], absl::MakeSpan(differing).subspan(i, bits));
    }
    for (int i = 0; i < n_; ++i) {
      gradient[i] +=
          scale * std::exp(theta[i]) * ((complements - differing[i]) / norm + normalising);
    }
    gradient[n_] += scale * linear * (linear_sum + kJitter * trace);
    gradient[n_ + 1] += scale * white * trace;
    if (!data_.noisy) return;
    gradient[n_ + 3] +=
        scale * (product_sum + linear * linear_sum + (white + kJitter * (1 + linear)) * trace);
  }

  // sums[i] = sum of the buckets whose set holds agent i: the last agent's are the upper half,
  // which then joins the lower. Destroys the buckets.
  static void SumByAgent(std::vector<double>& buckets, absl::Span<double> sums) {
    std::size_t half = buckets.size();
    for (int i = std::bit_width(half) - 1; i-- > 0;) {
      half /= 2;
      double sum = 0;
      for (std::size_t k = 0; k < half; ++k) {
        sum += buckets[half + k];
        buckets[k] += buckets[half + k];
      }
      if (i < static_cast<int>(sums.size())) sums[i] = sum;
    }
  }

  int n_;
  int m_;
  const StandardOddData data_;
  std::vector<Coalition> differing_;              // of pairs a < b, row after row
  std::vector<double> agreement_;                 // of the same, the linear kernel
  std::vector<ProductTable::Products> products_;  // of the same, at the last point
  Cholesky kernel_;
  Eigen::MatrixXd sensitivity_;  // W = dvalue / dK, its lower half
};

}  // namespace

ArdFit FitArd(const OddData& data, const Eigen::VectorXd& start, int max_steps) {
  Objective objective(data);
  const int n = data.n;
  const int dimensions = objective.dimensions();
  std::vector<double> theta(dimensions, MeanLogRelevance(n));
  theta[n] = 0;
  theta[n + 1] = kWhiteMean;
  if (objective.noisy()) theta[n + 3] = 0;
  if (start.size() == dimensions) theta.assign(start.data(), start.data() + dimensions);
  std::vector<double> lower(dimensions, -7);
  std::vector<double> upper(dimensions, 3);
  lower[n] = -6, upper[n] = 6;
  lower[n + 1] = -14, upper[n + 1] = 3;
  lower[n + 2] = -5, upper[n + 2] = 2;
  nlopt::opt search(nlopt::LD_LBFGS, dimensions);
  search.set_min_objective([](unsigned, const double* x, double* gradient,
                              void* self) { return (*static_cast<Objective*>(self))(x, gradient); },
                           &objective);
  search.set_lower_bounds(lower);
  search.set_upper_bounds(upper);
  search.set_ftol_abs(1e-3);
  search.set_maxeval(max_steps);
  double least = 0;
  try {
    search.optimize(theta, least);
  } catch (const nlopt::roundoff_limited&) {
    // theta holds the best point found: as good as rounding allows.
  } catch (const std::runtime_error&) {
    // The same: the line search found no further descent.
  }
  ArdParameters parameters;
  for (int i = 0; i < n; ++i) parameters.relevance.push_back(std::exp(theta[i]));
  parameters.linear = std::exp(theta[n]);
  parameters.white = std::exp(theta[n + 1]);
  const double scale = objective.noisy() ? std::exp(theta[n + 3]) * objective.unit_variance() : 1;
  return {ArdPrior(parameters), Eigen::Map<const Eigen::VectorXd>(theta.data(), dimensions), scale};
}

}  // namespace assay::credit
