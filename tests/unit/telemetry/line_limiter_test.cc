#include "server/telemetry/line_limiter.h"

#include <gtest/gtest.h>

#include <string>

namespace assay::telemetry {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(LineLimiter, ABurstThenOneASecondAndWhatIsLeftOutIsCounted) {
  LineLimiter lines;
  const LineLimiter::Time start{seconds(1000)};
  for (int i = 0; i < LineLimiter::kBurst; ++i) EXPECT_EQ(lines.Admit("a", start), 0) << i;
  for (int i = 0; i < 500; ++i) {
    EXPECT_EQ(lines.Admit("a", start + milliseconds(i)), std::nullopt) << i;
  }
  EXPECT_EQ(lines.Admit("b", start), 0) << "another source has an allowance of its own";
  EXPECT_EQ(lines.Admit("a", start + milliseconds(1001)), 500);
  EXPECT_EQ(lines.Admit("a", start + milliseconds(1002)), std::nullopt);
  EXPECT_EQ(lines.Admit("a", start + milliseconds(2002)), 1);
  EXPECT_EQ(lines.Admit("a", start + seconds(100)), 0);
}

TEST(LineLimiter, SourcesBeyondTheLimitShareOneAllowance) {
  LineLimiter lines;
  const LineLimiter::Time start{seconds(1000)};
  int admitted = 0;
  for (size_t i = 0; i < 3 * LineLimiter::kMaxSources; ++i) {
    admitted += lines.Admit(std::to_string(i), start).has_value() ? 1 : 0;
  }
  EXPECT_EQ(admitted, static_cast<int>(LineLimiter::kMaxSources) + LineLimiter::kBurst);
  // Those that have rested make room.
  for (size_t i = 0; i < LineLimiter::kMaxSources; ++i) {
    EXPECT_TRUE(lines.Admit("new " + std::to_string(i), start + seconds(60)).has_value());
  }
}

}  // namespace
}  // namespace assay::telemetry
