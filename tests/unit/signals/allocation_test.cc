#include "server/signals/rewards/allocation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

namespace assay::signals {
namespace {

using ::testing::ElementsAre;

TEST(Allocation, NobodyToPlaceItOnLeavesItOver) {
  std::vector<Claim> none;
  const auto allocation = Allocate(none, 0.4, 2, WhenInfeasible::kRelaxSigns);
  ASSERT_TRUE(allocation.ok());
  EXPECT_EQ(allocation->unallocated, 0.4);
}

TEST(Allocation, RelaxesTheBoundThatIsInTheWay) {
  std::vector<Claim> claims = {{-0.5, 1, -2, 0}, {0, 1, -2, 0}};
  const auto allocation = Allocate(claims, 0.6, 2, WhenInfeasible::kRelaxSigns);
  ASSERT_TRUE(allocation.ok());
  EXPECT_TRUE(allocation->signs_relaxed);
  EXPECT_EQ(claims[0].high, 2);
  EXPECT_EQ(claims[0].low, -2);
  EXPECT_NEAR(allocation->rewards[0] + allocation->rewards[1], 0.6, 1e-12);
}

TEST(Allocation, LeavesOverWhatNobodyMayTake) {
  std::vector<Claim> claims = {{0.2, 1, 0, 0.2}};
  const auto allocation = Allocate(claims, -1, 2, WhenInfeasible::kLeaveOver);
  ASSERT_TRUE(allocation.ok());
  EXPECT_THAT(allocation->rewards, ElementsAre(0));
  EXPECT_EQ(allocation->unallocated, -1);
  EXPECT_FALSE(allocation->signs_relaxed);
}

TEST(Allocation, WhatEvenRelaxedBoundsCannotHoldIsUnallocated) {
  std::vector<Claim> claims = {{0, 1, 0, 0.1}};
  const auto allocation = Allocate(claims, 3, 2, WhenInfeasible::kRelaxSigns);
  ASSERT_TRUE(allocation.ok());
  EXPECT_THAT(allocation->rewards, ElementsAre(2));
  EXPECT_EQ(allocation->unallocated, 1);
}

}  // namespace
}  // namespace assay::signals
