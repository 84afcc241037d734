#include <cmath>
#include <vector>

#include "gtest/gtest.h"
#include "rapidcheck.h"
#include "server/credit/exact.h"
#include "server/credit/logistic/logistic_game.h"
#include "server/credit/odd_bayes/ard_prior.h"
#include "server/credit/odd_bayes/isotropic_prior.h"
#include "server/credit/odd_bayes/odd_bayes.h"
#include "server/credit/odd_bayes/threshold_model.h"
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

// The Shapley values that need no table are those of the table.
TEST(PriorsProperty, LogisticGamesHaveTheShapleyValuesOfTheirTable) {
  EXPECT_TRUE(rc::check([] {
    const int n = Uniform(1, 11);
    const double steep = UniformReal(0.1, 20);
    Eigen::VectorXd weights(n);
    for (double& weight : weights) weight = steep * UniformReal(-1, 1);
    const double bias = steep * UniformReal(-2, 2);
    std::vector<double> table(std::size_t{1} << n);
    for (std::size_t s = 0; s < table.size(); ++s) {
      double votes = bias;
      for (int i = 0; i < n; ++i) votes += (s >> i & 1) ? weights[i] : -weights[i];
      table[s] = 1 / (1 + std::exp(-votes));
    }
    const std::vector<double> exact = ExactShapley(table, n);
    const std::vector<double> credit = LogisticGame(weights, bias).Shapley();
    for (int i = 0; i < n; ++i) RC_ASSERT(std::abs(credit[i] - exact[i]) <= 1e-8);
  }));
}

// Whatever vote is asked about, and whichever coalitions, beyond the size of tables too: variances
// are finite and not negative, and two pairs vary together as much either way.
TEST(PriorsProperty, ThresholdModelsHaveSoundMoments) {
  EXPECT_TRUE(rc::check([] {
    const int n = Uniform(10, 25);
    const Coalition everyone = PlayerSet::All(n).mask();
    std::vector<double> weights(n);
    for (double& weight : weights) weight = UniformReal(-0.2, 1);
    AnswerBook book;
    std::vector<Coalition> pairs;
    for (int k = 0; k < 3 * n; ++k) {
      const Coalition players = k == 0 ? everyone : static_cast<Coalition>(Uniform(0, 1 << n));
      if (book.contains(PlayerSet::FromMask(players))) continue;
      pairs.push_back(CanonicalPair(players, n));
      for (const Coalition side : {players, players ^ everyone}) {
        double votes = -0.2 * n;
        for (int i = 0; i < n; ++i) votes += (side >> i & 1) ? weights[i] : 0;
        book.Add(PlayerSet::FromMask(side), {.mean = votes > 0 ? 5.0 : 2.0});
      }
    }
    const auto model = ThresholdModel::Fit(n, book);
    RC_PRE(model.has_value());
    for (int i = 0; i < n; ++i) {
      RC_ASSERT(std::abs(model->credit()[i]) <= 3 + 1e-6);
      RC_ASSERT(model->variance()[i] >= 0 && model->variance()[i] < 100);
    }
    const ThresholdModel::Prior prior(*model);
    double forth = 0;
    double back = 0;
    prior.FillRow(pairs[0], {pairs[1]}, &forth);
    prior.FillRow(pairs[1], {pairs[0]}, &back);
    RC_ASSERT(std::abs(forth - back) <= 1e-12);
    RC_ASSERT((prior.CreditCovariance().diagonal().array() >= 0).all());
  }));
}

}  // namespace
}  // namespace assay::credit
