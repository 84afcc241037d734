#include "server/credit/exact.h"

#include <vector>

#include "gtest/gtest.h"
#include "server/plan/coalition.h"

namespace assay::credit {
namespace {

constexpr double kTiny = 1e-12;

TEST(PlayerSet, LowestAndHighestCommonPlayer) {
  PlayerSet a;
  PlayerSet b;
  EXPECT_EQ(FirstCommon(a, b), -1);
  EXPECT_EQ(LastCommon(a, b), -1);
  for (int player : {0, 3, 63, 64, 130, 255}) a.insert(player);
  for (int player : {1, 3, 64, 129, 255}) b.insert(player);
  EXPECT_EQ(FirstCommon(a, b), 3);
  EXPECT_EQ(LastCommon(a, b), 255);
  b.erase(255);
  b.erase(3);
  EXPECT_EQ(FirstCommon(a, b), 64);
  EXPECT_EQ(LastCommon(a, b), 64);
}

TEST(ExactShapley, WorkedExampleOfThreeAgents) {
  const std::vector<double> table = {0, 0.5, 0, 0.7, 0, 0.6, 0, 1};
  const std::vector<double> phi = ExactShapley(table, 3);
  EXPECT_NEAR(phi[0], 0.7166666666666667, kTiny);
  EXPECT_NEAR(phi[1], 0.1666666666666667, kTiny);
  EXPECT_NEAR(phi[2], 0.1166666666666667, kTiny);
}

TEST(ExactShapley, SaboteurHasNegativeCredit) {
  const std::vector<double> table = {0, 0, 0, 1, 0, 0, 0, 0.6};
  const std::vector<double> phi = ExactShapley(table, 3);
  EXPECT_NEAR(phi[0], 0.3666666666666667, kTiny);
  EXPECT_NEAR(phi[1], 0.3666666666666667, kTiny);
  EXPECT_NEAR(phi[2], -0.1333333333333333, kTiny);
}

TEST(ExactShapley, OneAgentHasTheDifference) {
  EXPECT_DOUBLE_EQ(ExactShapley({0.25, 1}, 1)[0], 0.75);
}

TEST(ExactInteractions, RedundantAgentsRepelAndPartnersAttract) {
  // Agents 0 or 1 suffice; agents 2 and 3 are needed together; the two parts add up.
  std::vector<double> table(16);
  for (int s = 0; s < 16; ++s) table[s] = ((s & 3) != 0) + ((s & 12) == 12);
  const std::vector<PairInteraction> pairs = ExactInteractions(table, 4);
  ASSERT_EQ(pairs.size(), 6u);
  EXPECT_EQ(pairs[0].first, 0);
  EXPECT_EQ(pairs[0].second, 1);
  EXPECT_NEAR(pairs[0].value, -1, kTiny);
  EXPECT_NEAR(pairs[5].value, 1, kTiny);
  for (int k = 1; k < 5; ++k) EXPECT_NEAR(pairs[k].value, 0, kTiny);
}

TEST(ExactInteractions, OfTwoAgentsIsTheWholeSurplus) {
  const std::vector<PairInteraction> pairs = ExactInteractions({0.1, 0.3, 0.4, 1}, 2);
  ASSERT_EQ(pairs.size(), 1u);
  EXPECT_NEAR(pairs[0].value, 1 - 0.3 - 0.4 + 0.1, kTiny);
}

TEST(ExactShapley, BlocksAgreeWithTheWeightsOfAnAdditiveGame) {
  // More agents than a block has bits: every agent's credit is its own weight, and there is no
  // interaction.
  constexpr int n = 13;
  std::vector<double> table(1 << n);
  for (int s = 0; s < 1 << n; ++s) {
    for (int i = 0; i < n; ++i) table[s] += (s >> i & 1) * (i - 4.5);
  }
  const std::vector<double> phi = ExactShapley(table, n);
  for (int i = 0; i < n; ++i) {
    EXPECT_NEAR(phi[i], i - 4.5, 1e-11);
  }
  for (const PairInteraction& pair : ExactInteractions(table, n)) EXPECT_NEAR(pair.value, 0, 1e-11);
}

TEST(ShapleyVariance, OfTwoAgents) {
  // phi_0 = (v(0) - v() + v(01) - v(1)) / 2: every weight is 1/2.
  const std::vector<double> variance = ShapleyVariance({1, 2, 3, 4}, 2);
  EXPECT_NEAR(variance[0], 10.0 / 4, kTiny);
  EXPECT_NEAR(variance[1], 10.0 / 4, kTiny);
}

}  // namespace
}  // namespace assay::credit
