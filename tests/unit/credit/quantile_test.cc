#include "server/credit/quantile.h"

#include "gtest/gtest.h"

namespace assay::credit {
namespace {

TEST(NormalQuantile, KnownValues) {
  EXPECT_NEAR(NormalQuantile(0.975), 1.959963984540054, 1e-12);
  EXPECT_NEAR(NormalQuantile(0.025), -1.959963984540054, 1e-12);
  EXPECT_EQ(NormalQuantile(0.5), 0);
}

TEST(StudentQuantile, KnownValues) {
  EXPECT_NEAR(StudentQuantile(0.975, 1), 12.706204736432095, 1e-9);
  EXPECT_NEAR(StudentQuantile(0.975, 2), 4.302652729696142, 1e-10);
  EXPECT_NEAR(StudentQuantile(0.975, 7), 2.364624251592784, 1e-10);
  EXPECT_NEAR(StudentQuantile(0.05, 10), -1.8124611228107335, 1e-10);
  EXPECT_EQ(StudentQuantile(0.5, 3), 0);
  EXPECT_NEAR(StudentQuantile(0.975, 10000), 1.960201239890626, 1e-8);
}

}  // namespace
}  // namespace assay::credit
