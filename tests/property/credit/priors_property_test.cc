#include <cmath>
#include <vector>

#include "gtest/gtest.h"
#include "rapidcheck.h"
#include "server/credit/exact.h"
#include "server/credit/odd_bayes/ard_prior.h"
#include "server/credit/odd_bayes/isotropic_prior.h"
#include "server/credit/odd_bayes/odd_bayes.h"
#include "tests/property/credit/generators.h"

namespace assay::credit {
namespace {

constexpr double kTiny = 1e-9;

double OddKernel(const OddPrior& prior, Coalition s, Coalition t) {
  const int n = prior.n();
  const Coalition a = CanonicalPair(s, n);
  const Coalition b = CanonicalPair(t, n);
  double value = 0;
  prior.FillRow(a, {b}, &value);
  return (a == s) == (b == t) ? value : -value;
}

// cov(phi_i, o(t)) and cov(phi_i, phi_j) from the kernel alone: the Shapley value is linear, so its
// covariance is the Shapley value of the covariance.
void CheckMoments(const OddPrior& prior) {
  const int n = prior.n();
  const std::size_t size = std::size_t{1} << n;
  std::vector<std::vector<double>> cross(size);
  std::vector<double> column(size);
  for (Coalition t = 0; t < size; ++t) {
    for (Coalition s = 0; s < size; ++s) column[s] = OddKernel(prior, s, t);
    cross[t] = ExactShapley(column, n);
    if (CanonicalPair(t, n) != t) continue;
    std::vector<double> credit(n);
    prior.FillCredit(t, credit.data());
    for (int i = 0; i < n; ++i) {
      RC_ASSERT(std::abs(credit[i] - cross[t][i]) <= kTiny);
    }
  }
  const Eigen::MatrixXd covariance = prior.CreditCovariance();
  for (int i = 0; i < n; ++i) {
    for (Coalition t = 0; t < size; ++t) column[t] = cross[t][i];
    const std::vector<double> row = ExactShapley(column, n);
    for (int j = 0; j < n; ++j) RC_ASSERT(std::abs(covariance(i, j) - row[j]) <= kTiny);
  }
}

TEST(PriorsProperty, IsotropicMomentsFollowFromTheKernel) {
  EXPECT_TRUE(rc::check([] {
    const IsotropicSpectrum spectrum = {UniformReal(0.01, 1), UniformReal(0.05, 0.9),
                                        UniformReal(0.001, 0.5)};
    CheckMoments(IsotropicPrior(Uniform(2, 7), spectrum));
  }));
}

TEST(PriorsProperty, ArdMomentsFollowFromTheKernel) {
  EXPECT_TRUE(rc::check([] {
    ArdParameters parameters;
    parameters.relevance.resize(Uniform(2, 7));
    for (double& relevance : parameters.relevance) relevance = UniformReal(0.01, 3);
    parameters.linear = UniformReal(0, 2);
    parameters.white = UniformReal(0, 1);
    CheckMoments(ArdPrior(parameters));
  }));
}

}  // namespace
}  // namespace assay::credit
