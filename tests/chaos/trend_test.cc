#include "tests/chaos/trend.h"

#include <vector>

#include "gtest/gtest.h"

namespace assay::chaos {
namespace {

TEST(Trend, SlopeIsThatOfMostSamples) {
  std::vector<double> x;
  std::vector<double> y;
  for (int i = 0; i < 40; ++i) {
    x.push_back(i);
    y.push_back(i % 5 == 0 ? 1000 * (i % 3) : 7 + 0.25 * i);
  }
  EXPECT_NEAR(TheilSen(x, y), 0.25, 0.02);
  EXPECT_EQ(TheilSen({1, 2, 3}, {5, 5, 5}), 0);
  EXPECT_EQ(TheilSen({1}, {5}), 0);
}

TEST(Trend, GrowthIsFromTheFirstThirdToTheLast) {
  EXPECT_EQ(GrowthOfMedian({3, 3, 90, 5, 5, 5, 4, 4, 4}), 1);
  EXPECT_EQ(GrowthOfMedian({8, 8, 8, 1, 1, 1, 6, 6, 6}), -2);
  EXPECT_EQ(GrowthOfMedian({}), 0);
}

}  // namespace
}  // namespace assay::chaos
