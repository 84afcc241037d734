#include "server/credit/odd_bayes/odd_prior.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <vector>

#include "server/credit/exact.h"

namespace assay::credit {
namespace {

// Credit is linear in the game: its covariance with white noise on the pairs, pair by pair.
TEST(WhitePart, IsTheCreditOfEachPair) {
  for (int n = 1; n <= 7; ++n) {
    const Coalition all = (Coalition{1} << n) - 1;
    const WhitePart white(n);
    std::vector<std::vector<double>> credits;
    for (Coalition pair = Coalition{1} << (n - 1); pair <= all; ++pair) {
      std::vector<double> table(all + 1);
      table[pair] += 1;
      table[all ^ pair] -= 1;
      credits.push_back(ExactShapley(table, n));
      for (int i = 0; i < n; ++i) {
        const int size = std::popcount(pair);
        const double expected = (pair >> i) & 1 ? white.with(size) : white.without(size);
        EXPECT_NEAR(credits.back()[i], expected, 1e-12) << n << ' ' << pair << ' ' << i;
      }
    }
    double variance = 0;
    double covariance = 0;
    for (const std::vector<double>& credit : credits) {
      variance += credit[0] * credit[0];
      if (n > 1) covariance += credit[0] * credit[1];
    }
    EXPECT_NEAR(white.variance(), variance, 1e-12) << n;
    EXPECT_NEAR(white.covariance(), covariance, 1e-12) << n;
  }
}

TEST(StandardOddData, IsInUnitsOfItsRootMeanSquare) {
  const StandardOddData data(
      {.n = 3, .pairs = {4, 5, 6, 7}, .odd = {2, -2, 4, 0}, .noise = {0, 0, 3, 0}});
  EXPECT_NEAR(data.unit, std::sqrt(6), 1e-12);
  EXPECT_NEAR(data.odd[2], 4 / std::sqrt(6), 1e-12);
  EXPECT_NEAR(data.noise[2], 0.5, 1e-12);
  EXPECT_TRUE(data.noisy);
  const StandardOddData flat({.n = 3, .pairs = {4, 5}, .odd = {0, 0}, .noise = {1, 7}});
  EXPECT_NEAR(flat.unit, 2, 1e-12) << "the noise alone sets the unit";
  EXPECT_FALSE(StandardOddData({.n = 2, .pairs = {2}, .odd = {1}, .noise = {0}}).noisy);
}

}  // namespace
}  // namespace assay::credit
