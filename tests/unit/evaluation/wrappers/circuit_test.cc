// The circuit breaker around an evaluator.

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/retry_after.h"
#include "server/evaluation/wrappers/call_policy.h"
#include "server/evaluation/wrappers/checked.h"
#include "server/evaluation/wrappers/circuit_breaker.h"
#include "server/evaluation/wrappers/deadline.h"
#include "server/evaluation/wrappers/retry.h"
#include "tests/simulation/virtual_executor.h"
#include "tests/unit/evaluation/fixtures.h"
#include "tests/unit/evaluation/wrappers/policy_fixture.h"

namespace assay::evaluation {
namespace {

TEST_F(PolicyTest, CircuitOpensProbesAndCloses) {
  const auto breaker =
      WithCircuitBreaker(inner_, {.failures = 3, .open_for = absl::Seconds(10)}, &clock_);
  for (size_t i = 0; i < 3; ++i) {
    const CancelFn cancel = Ask(breaker);
    inner_->Fail(i, absl::UnavailableError("away"));
  }
  clock_.RunFor(absl::Seconds(4));
  const CancelFn refused = Ask(breaker);
  EXPECT_EQ(inner_->calls.size(), 3u);
  EXPECT_EQ(code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(RetryAfter(seen_.result->status()), absl::Seconds(6));
  clock_.RunFor(absl::Seconds(6));
  const CancelFn probe = Ask(breaker);
  EXPECT_EQ(inner_->calls.size(), 4u);
  const CancelFn beside = Ask(breaker);
  EXPECT_EQ(inner_->calls.size(), 4u) << "one probe at a time";
  inner_->Fail(3, absl::UnavailableError("away"));
  const CancelFn again = Ask(breaker);
  EXPECT_EQ(inner_->calls.size(), 4u) << "the probe failed: open again";
  clock_.RunFor(absl::Seconds(10));
  const CancelFn second_probe = Ask(breaker);
  inner_->Answer(4);
  const CancelFn closed = Ask(breaker);
  EXPECT_EQ(inner_->calls.size(), 6u);
}

TEST_F(PolicyTest, ASuccessBetweenKeepsTheCircuitClosed) {
  const auto breaker = WithCircuitBreaker(inner_, {.failures = 2}, &clock_);
  for (size_t i = 0; i < 10; ++i) {
    const CancelFn cancel = Ask(breaker);
    if (i % 2 == 0) {
      inner_->Fail(i, absl::UnavailableError("away"));
    } else {
      inner_->Answer(i);
    }
  }
  EXPECT_EQ(inner_->calls.size(), 10u);
}

TEST_F(PolicyTest, WithoutALimitTheCircuitStaysClosed) {
  const auto breaker = WithCircuitBreaker(inner_, {.failures = 0}, &clock_);
  for (size_t i = 0; i < 10; ++i) {
    const CancelFn cancel = Ask(breaker);
    ASSERT_EQ(inner_->calls.size(), i + 1);
    inner_->Fail(i, absl::UnavailableError("away"));
  }
}

TEST_F(PolicyTest, OnlyTheEvaluatorsOwnFailuresOpenTheCircuit) {
  const auto opens = [&](absl::StatusCode code) {
    inner_->calls.clear();
    const auto breaker = WithCircuitBreaker(inner_, {.failures = 2}, &clock_);
    for (const absl::StatusCode each : {absl::StatusCode::kUnavailable, code}) {
      const CancelFn cancel = Ask(breaker);
      inner_->Fail(inner_->calls.size() - 1, absl::Status(each, "failed"));
    }
    const CancelFn last = Ask(breaker);
    const bool open = inner_->calls.size() == 2;
    inner_->Drop();
    return open;
  };
  for (const absl::StatusCode code :
       {absl::StatusCode::kUnavailable, absl::StatusCode::kDeadlineExceeded,
        absl::StatusCode::kInternal, absl::StatusCode::kUnknown}) {
    EXPECT_TRUE(opens(code)) << absl::StatusCodeToString(code);
  }
  for (const absl::StatusCode code :
       {absl::StatusCode::kCancelled, absl::StatusCode::kInvalidArgument,
        absl::StatusCode::kResourceExhausted, absl::StatusCode::kPermissionDenied,
        absl::StatusCode::kUnimplemented, absl::StatusCode::kFailedPrecondition}) {
    EXPECT_FALSE(opens(code)) << absl::StatusCodeToString(code);
  }
}

TEST_F(PolicyTest, ACancelNeitherOpensNorClosesTheCircuit) {
  const auto breaker = WithCircuitBreaker(inner_, {.failures = 2}, &clock_);
  const CancelFn first = Ask(breaker);
  inner_->Fail(0, absl::UnavailableError("away"));
  CancelFn second = Ask(breaker);
  second();
  const CancelFn third = Ask(breaker);
  inner_->Fail(2, absl::UnavailableError("away"));
  const CancelFn refused = Ask(breaker);
  EXPECT_EQ(inner_->calls.size(), 3u);
}

TEST_F(PolicyTest, ACancelledProbeMakesRoomForAnother) {
  const auto breaker =
      WithCircuitBreaker(inner_, {.failures = 1, .open_for = absl::Seconds(1)}, &clock_);
  const CancelFn first = Ask(breaker);
  inner_->Fail(0, absl::UnavailableError("away"));
  clock_.RunFor(absl::Seconds(1));
  CancelFn probe = Ask(breaker);
  probe();
  const CancelFn next = Ask(breaker);
  EXPECT_EQ(inner_->calls.size(), 3u);
}

}  // namespace
}  // namespace assay::evaluation
