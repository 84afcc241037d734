#include "server/credit/projection.h"

#include <limits>
#include <vector>

#include "absl/status/status.h"
#include "gtest/gtest.h"

namespace assay::credit {
namespace {

using Values = std::vector<double>;

TEST(Project, WorkedExample) {
  const auto projection =
      Project(Values{0.4, -0.2, 0}, Values{1, 1, 1}, Values{0, -1, -1}, Values{1, 0, 1}, 0.6);
  ASSERT_TRUE(projection.ok());
  EXPECT_NEAR(projection->multiplier, 0.1333333333333333, 1e-12);
  EXPECT_NEAR(projection->values[0], 0.5333333333333333, 1e-12);
  EXPECT_NEAR(projection->values[1], -0.0666666666666667, 1e-12);
  EXPECT_NEAR(projection->values[2], 0.1333333333333333, 1e-12);
}

TEST(Project, WeightsSayWhoTakesTheRemainder) {
  const auto projection = Project(Values{0, 0}, Values{3, 1}, Values{-9, -9}, Values{9, 9}, 4);
  ASSERT_TRUE(projection.ok());
  EXPECT_DOUBLE_EQ(projection->values[0], 3);
  EXPECT_DOUBLE_EQ(projection->values[1], 1);
}

TEST(Project, TotalAtTheEdgeOfTheBounds) {
  const auto projection = Project(Values{0.3, -5}, Values{1, 2}, Values{0, 0}, Values{1, 2}, 3);
  ASSERT_TRUE(projection.ok());
  EXPECT_EQ(projection->values, (Values{1, 2}));
}

TEST(Project, FixedEntriesKeepTheirValue) {
  const auto projection =
      Project(Values{0, 0, 0}, Values{1, 1, 1}, Values{0, -1, 0.5}, Values{0, 1, 0.5}, 0.25);
  ASSERT_TRUE(projection.ok());
  EXPECT_EQ(projection->values[0], 0);
  EXPECT_NEAR(projection->values[1], -0.25, 1e-15);
  EXPECT_EQ(projection->values[2], 0.5);
}

TEST(Project, NothingToShareAmongNobody) {
  EXPECT_TRUE(Project({}, {}, {}, {}, 0).ok());
  EXPECT_EQ(Project({}, {}, {}, {}, 1).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(Project, RefusesWhatCannotBePlaced) {
  EXPECT_EQ(Project(Values{0}, Values{1}, Values{-1}, Values{1}, 1.5).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(Project, RefusesWhatIsNoProblem) {
  const auto code = [](const Values& x, const Values& w, const Values& low, const Values& high) {
    return Project(x, w, low, high, 0).status().code();
  };
  EXPECT_EQ(code({0, 0}, {1}, {-1}, {1}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({0}, {0}, {-1}, {1}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({0}, {1}, {1}, {-1}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({std::numeric_limits<double>::quiet_NaN()}, {1}, {-1}, {1}),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace assay::credit
