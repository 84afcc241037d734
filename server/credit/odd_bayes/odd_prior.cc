#include "server/credit/odd_bayes/odd_prior.h"

#include <algorithm>
#include <cmath>

#include "server/credit/exact.h"
#include "server/credit/odd_bayes/cholesky.h"

namespace assay::credit {
namespace {

// Relative to the prior's variance: keeps a smooth kernel's factor positive.
constexpr double kJitter = 1e-9;

}  // namespace

WhitePart::WhitePart(int n) : with_(n + 1), without_(n + 1) {
  // phi_i = sum over pairs of 2 w(.) o(S) with the sign of i's membership.
  const std::vector<double> w = ShapleyWeights(n);
  for (int s = 0; s < n; ++s) {
    with_[s + 1] = 2 * w[s];
    without_[s] = -2 * w[s];
  }
  // Each pair is met twice among all 2^n coalitions, hence the halves. Counts of coalitions of size
  // s by membership: both C(n-2, s-2), one C(n-2, s-1), none C(n-2, s); with_ and without_ carry 1
  // / C(n-1, .).
  double one = 0;    // C(n-1, s-1) for i in S
  double pairs = 1;  // C(n-2, s)
  for (int s = 0; s <= n; ++s) {
    one = s == 0 ? 0 : (s == 1 ? 1 : one * (n - s + 1) / (s - 1));
    const double other = s == n ? 0 : (s == 0 ? 1 : one * (n - s) / s);  // C(n-1, s)
    variance_ += 0.5 * (one * with_[s] * with_[s] + other * without_[s] * without_[s]);
  }
  for (int s = 0; n >= 2 && s <= n - 2; ++s) {
    covariance_ += 0.5 * pairs *
                   (with_[s + 2] * with_[s + 2] + 2 * with_[s + 1] * without_[s + 1] +
                    without_[s] * without_[s]);
    pairs = pairs * (n - 2 - s) / (s + 1);
  }
}

StandardOddData::StandardOddData(const OddData& data) {
  const auto pairs = static_cast<Eigen::Index>(data.pairs.size());
  double squares = 0;
  for (double value : data.odd) squares += value * value;
  if (squares == 0) {  // all answers equal: the noise alone sets the unit
    for (double variance : data.noise) squares += variance;
  }
  unit = std::sqrt(squares / static_cast<int>(pairs)) + 1e-300;
  odd = Eigen::Map<const Eigen::VectorXd>(data.odd.data(), pairs) / unit;
  noise = Eigen::Map<const Eigen::VectorXd>(data.noise.data(), pairs) / (unit * unit);
  noisy = noise.maxCoeff() > 0;
}

OddData OddData::Head(int count) const {
  return {n,
          {pairs.begin(), pairs.begin() + count},
          {odd.begin(), odd.begin() + count},
          {noise.begin(), noise.begin() + count}};
}

OddPosterior Condition(const OddPrior& prior, const OddData& data, double scale,
                       bool profile_scale) {
  const int m = static_cast<int>(data.pairs.size());
  const int n = data.n;
  Cholesky kernel(m);
  Eigen::MatrixXd credit(n, m);
  for (int a = 0; a < m; ++a) {
    double* column = kernel.column(a);
    prior.FillRow(data.pairs[a], absl::MakeConstSpan(data.pairs).subspan(a), column + a);
    prior.FillCredit(data.pairs[a], credit.col(a).data());
    column[a] = column[a] * (1 + kJitter) + (profile_scale ? 0 : data.noise[a] / scale);
  }
  kernel.Factorise();  // the jitter sees to it that it can be
  kernel.Invert();
  const Eigen::Map<const Eigen::VectorXd> odd(data.odd.data(), m);
  const Eigen::VectorXd alpha = kernel.Unwhiten(kernel.Whiten(odd));
  if (profile_scale) scale = std::max(odd.dot(alpha) / m, 1e-300);

  OddPosterior posterior;
  posterior.credit = credit * alpha;
  const Eigen::MatrixXd half = kernel.WhitenAll(credit.transpose());
  posterior.covariance = scale * (prior.CreditCovariance() - half.transpose() * half);
  // Leave-one-out in closed form (Rasmussen & Williams 2006, 5.10): residual alpha / diag(K^-1),
  // variance 1 / diag(K^-1).
  const Eigen::VectorXd precision = kernel.Precision();
  posterior.loo = alpha.cwiseQuotient(precision);
  posterior.loo_variance = scale * precision.cwiseInverse();
  for (int a = 0; a < m; ++a) {
    const double variance = posterior.loo_variance[a] + 1e-300;
    posterior.log_predictive -=
        0.5 * (std::log(variance) + posterior.loo[a] * posterior.loo[a] / variance);
  }
  return posterior;
}

}  // namespace assay::credit
