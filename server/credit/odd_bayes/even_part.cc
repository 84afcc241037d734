#include "server/credit/odd_bayes/even_part.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <utility>

#include "server/credit/odd_bayes/isotropic_prior.h"

namespace assay::credit {
namespace {

constexpr double kJitter = 1e-7;
constexpr int kFitPairs = 36;  // tell the spectrum well enough
constexpr double kConstantVariance = 0.5;
constexpr double kDecays[] = {0.02, 0.1, 0.3, 0.6};
constexpr double kWhites[] = {0.001, 0.02, 0.2, 0.6};

// Share of the variance by order: even orders from 2 on.
std::vector<double> OrderShares(int n, double decay, double white) {
  std::vector<double> share(n + 1);
  double total = 0;
  double power = 1;
  for (int u = 2; u <= n; u += 2) {
    share[u] = power;
    total += power;
    power *= decay;
  }
  const double even_count = std::ldexp(1.0, n - 1) - 1;
  double choose = 1;
  for (int u = 0; u <= n; ++u) {
    if (u >= 2 && u % 2 == 0) {
      share[u] = share[u] / total * (1 - white) + white * choose / even_count;
    }
    choose = choose * (n - u) / (u + 1);
  }
  return share;
}

using Distances = Eigen::Matrix<std::uint8_t, Eigen::Dynamic, Eigen::Dynamic>;

// Agents by which two pairs differ, the lower triangle.
Distances DistancesOf(const std::vector<Coalition>& pairs) {
  const auto m = static_cast<Eigen::Index>(pairs.size());
  Distances distances(m, m);
  for (Eigen::Index a = 0; a < m; ++a) {
    for (Eigen::Index b = a; b < m; ++b) {
      distances(b, a) = static_cast<std::uint8_t>(std::popcount(pairs[a] ^ pairs[b]));
    }
  }
  return distances;
}

// Of the first m pairs.
void FillKernel(const std::vector<double>& by_distance, const Distances& distances,
                const Eigen::VectorXd& relative_noise, int m, Cholesky& kernel) {
  for (int a = 0; a < m; ++a) {
    double* column = kernel.column(a);
    for (int b = a; b < m; ++b) column[b] = by_distance[distances(b, a)];
    column[a] += kJitter + relative_noise[a];
  }
}

}  // namespace

EvenPart::EvenPart(int n, std::vector<Coalition> pairs, const std::vector<double>& even,
                   const std::vector<double>& noise)
    : n_(n), pairs_(std::move(pairs)) {
  const int m = static_cast<int>(pairs_.size());
  if (m == 0) return;
  const Eigen::Map<const Eigen::VectorXd> raw(even.data(), m);
  mean_ = raw.mean();
  unit_ = std::sqrt((raw.array() - mean_).square().mean());
  if (n < 2 || unit_ <= 1e-9 * std::abs(mean_) || unit_ == 0) {
    unit_ = 0;
    return;
  }
  const Eigen::VectorXd y = (raw.array() - mean_) / unit_;
  const Eigen::VectorXd relative_noise =
      Eigen::Map<const Eigen::VectorXd>(noise.data(), m) / (unit_ * unit_);
  const std::vector<std::vector<double>> krawtchouk = NormalisedKrawtchouk(n);
  const Distances distances = DistancesOf(pairs_);
  const int head = std::min(m, kFitPairs);
  Cholesky kernel(head);
  double least = INFINITY;
  for (double decay : kDecays) {
    for (double white : kWhites) {
      std::vector<double> share = OrderShares(n, decay, white);
      std::vector<double> by_distance(n + 1, kConstantVariance);
      for (int u = 2; u <= n; u += 2) {
        for (int d = 0; d <= n; ++d) by_distance[d] += share[u] * krawtchouk[u][d];
      }
      FillKernel(by_distance, distances, relative_noise, head, kernel);
      kernel.Factorise();  // the jitter sees to it that it can be
      const double fit = kernel.Whiten(y.head(head)).squaredNorm() / head;
      const double value = 0.5 * head * std::log(fit + 1e-300) + kernel.LogDeterminant();
      if (!(value < least)) continue;
      least = value;
      share_ = std::move(share);
      by_distance_ = std::move(by_distance);
    }
  }
  factor_.emplace(m);
  FillKernel(by_distance_, distances, relative_noise, m, *factor_);
  factor_->Factorise();
  factor_->Invert();
  alpha_ = factor_->Unwhiten(factor_->Whiten(y));
  scale_ = y.dot(alpha_) / m;
}

double EvenPart::LooVariance() const {
  if (unit_ == 0) return 0;
  const int m = static_cast<int>(pairs_.size());
  const Eigen::VectorXd precision = factor_->Precision();
  return alpha_.cwiseQuotient(precision).squaredNorm() / m * unit_ * unit_;
}

EvenPart::Prediction EvenPart::At(Coalition pair) const {
  if (unit_ == 0) return {mean_, 0};
  Eigen::VectorXd cross(pairs_.size());
  for (std::size_t a = 0; a < pairs_.size(); ++a) {
    cross[a] = by_distance_[std::popcount(pair ^ pairs_[a])];
  }
  const double mean = cross.dot(alpha_);
  const double explained = factor_->Whiten(cross).squaredNorm();
  return {mean_ + unit_ * mean,
          std::max(0.0, by_distance_[0] - explained) * scale_ * unit_ * unit_};
}

// I_ij = sum over even |U| with i, j of 4 / (|U|-1) vhat(U), so its covariance with e(S) is
// x_i x_j sum_u 4 share_u u / (n (n-1)) Q^{n-2}_{u-2}(absent others), x = +1 for members and -1 for
// the absent.
std::vector<PairInteraction> EvenPart::Interactions() const {
  std::vector<PairInteraction> result;
  std::vector<double> by_absent(n_);
  if (unit_ > 0) {
    const std::vector<std::vector<double>> inner = NormalisedKrawtchouk(n_ - 2);
    for (int u = 2; u <= n_; u += 2) {
      for (int d = 0; d <= n_ - 2; ++d) {
        by_absent[d] += 4 * share_[u] * u / (n_ * (n_ - 1.0)) * inner[u - 2][d];
      }
    }
  }
  for (int i = 0; i < n_; ++i) {
    for (int j = i + 1; j < n_; ++j) {
      double value = 0;
      for (std::size_t a = 0; unit_ > 0 && a < pairs_.size(); ++a) {
        const bool in_i = (pairs_[a] >> i) & 1;
        const bool in_j = (pairs_[a] >> j) & 1;
        const int absent = n_ - std::popcount(pairs_[a]) - !in_i - !in_j;
        value += (in_i == in_j ? by_absent[absent] : -by_absent[absent]) * alpha_[a];
      }
      result.push_back({i, j, value * unit_});
    }
  }
  return result;
}

}  // namespace assay::credit
