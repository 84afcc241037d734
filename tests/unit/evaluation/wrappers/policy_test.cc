// Deadline, retry, circuit breaker, check, each on a virtual clock.
#include <limits>

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

using ::testing::HasSubstr;

TEST_F(PolicyTest, DeadlineCancelsWhatIsLate) {
  const auto evaluator = WithDeadline(inner_, absl::Seconds(3), &clock_);
  const CancelFn cancel = Ask(evaluator);
  EXPECT_EQ(inner_->calls[0]->batch.deadline, clock_.Now() + absl::Seconds(3));
  clock_.RunFor(absl::Seconds(2));
  EXPECT_EQ(seen_.calls, 0);
  clock_.RunFor(absl::Seconds(1));
  EXPECT_EQ(code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(inner_->calls[0]->cancelled);
  EXPECT_EQ(seen_.calls, 1);
}

TEST_F(PolicyTest, TheBatchesOwnDeadlineCountsWhereItIsSooner) {
  const CancelFn cancel = Ask(WithDeadline(inner_, absl::Seconds(3), &clock_), absl::Seconds(1));
  clock_.RunFor(absl::Seconds(1));
  EXPECT_EQ(code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_F(PolicyTest, AnAnswerInTimeLeavesNoTimer) {
  const CancelFn cancel = Ask(WithDeadline(inner_, absl::Seconds(3), &clock_));
  inner_->Answer(0);
  EXPECT_TRUE(seen_.result->ok());
  EXPECT_EQ(clock_.pending_timers(), 0u);
}

// Whoever is told may let the timers go: a judge's thread touched them afterwards.
TEST_F(PolicyTest, ADeadlineIsDoneWithItsTimerBeforeItTells) {
  const auto evaluator = WithDeadline(inner_, absl::Seconds(3), &clock_);
  int told = 0;
  const auto tell = [&](const absl::StatusOr<Answers>&) {
    ++told;
    EXPECT_EQ(clock_.pending_timers(), 0u);
  };
  const CancelFn unused = evaluator->Evaluate(CoalitionBatch(SmallContext(1)), tell);
  inner_->Answer(0);
  CancelFn cancel = evaluator->Evaluate(CoalitionBatch(SmallContext(1)), tell);
  cancel();
  EXPECT_EQ(told, 2);
}

TEST_F(PolicyTest, DeadlinePassesCancelOn) {
  CancelFn cancel = Ask(WithDeadline(inner_, absl::Seconds(3), &clock_));
  cancel();
  EXPECT_EQ(code(), absl::StatusCode::kCancelled);
  EXPECT_TRUE(inner_->calls[0]->cancelled);
  EXPECT_EQ(clock_.pending_timers(), 0u);
}

TEST_F(PolicyTest, RetriesWithGrowingBackoff) {
  const RetryOptions options = {.max_attempts = 3,
                                .initial_backoff = absl::Seconds(1),
                                .max_backoff = absl::Seconds(60),
                                .multiplier = 10,
                                .jitter = 0.2};
  const CancelFn cancel = Ask(WithRetry(inner_, options, &clock_, &counts_));
  inner_->Fail(0, absl::UnavailableError("away"));
  clock_.RunFor(absl::Milliseconds(899));
  EXPECT_EQ(inner_->calls.size(), 1u);
  clock_.RunFor(absl::Milliseconds(202));
  ASSERT_EQ(inner_->calls.size(), 2u);
  inner_->Fail(1, absl::InternalError("answers[0].mean: not a finite number"));
  clock_.RunFor(absl::Milliseconds(8999));
  EXPECT_EQ(inner_->calls.size(), 2u);
  clock_.RunFor(absl::Milliseconds(2002));
  ASSERT_EQ(inner_->calls.size(), 3u);
  EXPECT_EQ(seen_.calls, 0);
  inner_->Answer(2);
  EXPECT_TRUE(seen_.result->ok());
  EXPECT_EQ(counts_.retried, 4);
}

// Replicas and tests see the same waits: b (1 + jitter (u - 1/2)), u by SplitMix64 of call and
// attempt.
TEST_F(PolicyTest, JitterIsANumberOfTheCallAndTheAttempt) {
  const auto retrying = WithRetry(inner_,
                                  {.max_attempts = 4,
                                   .initial_backoff = absl::Seconds(1),
                                   .max_backoff = absl::Seconds(60),
                                   .multiplier = 2,
                                   .jitter = 0.5},
                                  &clock_, nullptr);
  const std::vector<std::vector<double>> uniform = {
      {0.5933513192594866, 0.8727355554727545, 0.6975624643760723}, {0.4406552932909338}};
  for (const std::vector<double>& of_call : uniform) {
    const CancelFn cancel = Ask(retrying);
    double backoff = 1;
    for (const double u : of_call) {
      inner_->Fail(inner_->calls.size() - 1, absl::UnavailableError("away"));
      const absl::Time failed = clock_.Now();
      ASSERT_TRUE(clock_.Advance());
      clock_.RunReady();
      EXPECT_NEAR(absl::ToDoubleSeconds(clock_.Now() - failed), backoff * (1 + 0.5 * (u - 0.5)),
                  1e-8);
      backoff *= 2;
    }
    inner_->Answer(inner_->calls.size() - 1);
  }
}

TEST_F(PolicyTest, TheLastFailureNamesTheEvaluatorAndTheAttempts) {
  const CancelFn cancel = Ask(WithRetry(inner_, {.max_attempts = 2}, &clock_, &counts_));
  inner_->Fail(0, absl::UnavailableError("away"));
  clock_.RunUntilIdle();
  inner_->Fail(1, absl::UnavailableError("still away"));
  EXPECT_EQ(code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(message(), "evaluator manual: still away (attempt 2, the last)");
}

TEST_F(PolicyTest, SomeFailuresAreFinal) {
  const CancelFn cancel = Ask(WithRetry(inner_, {}, &clock_, &counts_));
  inner_->Fail(0, absl::PermissionDeniedError("no"));
  EXPECT_EQ(message(), "evaluator manual: no");
  EXPECT_EQ(counts_.retried, 0);
}

TEST_F(PolicyTest, RetryAfterIsTheLeastWait) {
  const CancelFn cancel = Ask(WithRetry(inner_, {}, &clock_, &counts_));
  inner_->Fail(0, WithRetryAfter(absl::ResourceExhaustedError("429"), absl::Seconds(7)));
  clock_.RunFor(absl::Milliseconds(6999));
  EXPECT_EQ(inner_->calls.size(), 1u);
  clock_.RunFor(absl::Milliseconds(1));
  EXPECT_EQ(inner_->calls.size(), 2u);
}

TEST_F(PolicyTest, NoWaitBeyondTheDeadlineOrTheLimit) {
  const auto retrying = WithRetry(inner_, {}, &clock_, &counts_);
  const CancelFn a = Ask(retrying, absl::Seconds(5));
  inner_->Fail(0, WithRetryAfter(absl::ResourceExhaustedError("429"), absl::Seconds(7)));
  EXPECT_EQ(code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(message(), HasSubstr("no time for another"));
  EXPECT_EQ(RetryAfter(seen_.result->status()), absl::Seconds(7));
  const CancelFn b = Ask(retrying);
  inner_->Fail(1, WithRetryAfter(absl::ResourceExhaustedError("429"), absl::Hours(7)));
  EXPECT_THAT(message(), HasSubstr("asked to wait for too long"));
}

TEST_F(PolicyTest, TheBudgetBoundsRetries) {
  const auto retrying = WithRetry(
      inner_, {.max_attempts = 100, .budget_ratio = 0.5, .budget_burst = 2}, &clock_, &counts_);
  const CancelFn a = Ask(retrying);
  for (size_t i = 0; i < 3; ++i) {
    inner_->Fail(i, absl::UnavailableError("away"));
    clock_.RunUntilIdle();
  }
  EXPECT_THAT(message(), HasSubstr("attempt 3, retry budget spent"));
  // Two answers earn one retry.
  for (size_t i = 3; i < 5; ++i) {
    const CancelFn b = Ask(retrying);
    inner_->Answer(i);
  }
  const CancelFn c = Ask(retrying);
  inner_->Fail(5, absl::UnavailableError("away"));
  clock_.RunUntilIdle();
  EXPECT_EQ(inner_->calls.size(), 7u);
}

TEST_F(PolicyTest, CancelEndsTheWaitForAnotherAttempt) {
  CancelFn cancel = Ask(WithRetry(inner_, {}, &clock_, &counts_));
  inner_->Fail(0, absl::UnavailableError("away"));
  cancel();
  EXPECT_EQ(code(), absl::StatusCode::kCancelled);
  clock_.RunUntilIdle();
  EXPECT_EQ(inner_->calls.size(), 1u);
}

TEST_F(PolicyTest, CancelEndsEveryAttemptAndEveryWait) {
  for (size_t attempts = 1; attempts <= 4; ++attempts) {
    for (const bool waits : {false, true}) {
      inner_->calls.clear();
      CancelFn cancel = Ask(WithRetry(inner_, {.max_attempts = 10}, &clock_, &counts_));
      for (size_t i = 0; i + 1 < attempts; ++i) {
        inner_->Fail(i, absl::UnavailableError("away"));
        clock_.RunUntilIdle();
      }
      if (waits) inner_->Fail(attempts - 1, absl::UnavailableError("away"));
      cancel();
      EXPECT_EQ(code(), absl::StatusCode::kCancelled);
      EXPECT_EQ(clock_.pending_timers(), 0u) << attempts;
      clock_.RunUntilIdle();
      EXPECT_EQ(inner_->calls.size(), attempts);
      EXPECT_EQ(inner_->calls.back()->cancelled, !waits);
    }
  }
}

TEST_F(PolicyTest, RetryWaitsAsLongAsAllowedAndNoLonger) {
  const auto asked_again = [&](absl::Duration wait, absl::Duration timeout) {
    inner_->calls.clear();
    const auto retrying =
        WithRetry(inner_, {.max_retry_after = absl::Seconds(8)}, &clock_, &counts_);
    const CancelFn cancel = Ask(retrying, timeout);
    inner_->Fail(0, WithRetryAfter(absl::ResourceExhaustedError("429"), wait));
    clock_.RunUntilIdle();
    const bool again = inner_->calls.size() == 2;
    inner_->Drop();
    return again;
  };
  EXPECT_TRUE(asked_again(absl::Seconds(8), absl::Hours(1)));
  EXPECT_FALSE(asked_again(absl::Seconds(8) + absl::Nanoseconds(1), absl::Hours(1)));
  EXPECT_TRUE(asked_again(absl::Seconds(5), absl::Seconds(5) + absl::Nanoseconds(1)));
  EXPECT_FALSE(asked_again(absl::Seconds(5), absl::Seconds(5)));
}

// Half an answer's worth is no retry; what is earned beyond the burst is lost.
TEST_F(PolicyTest, TheBudgetIsCountedExactly) {
  const auto retrying = WithRetry(
      inner_, {.max_attempts = 100, .budget_ratio = 0.5, .budget_burst = 1}, &clock_, &counts_);
  const auto attempts_of_a_failure = [&] {
    const size_t before = inner_->calls.size();
    const CancelFn cancel = Ask(retrying);
    while (inner_->open() > 0) {
      inner_->Fail(inner_->calls.size() - 1, absl::UnavailableError("away"));
      clock_.RunUntilIdle();
    }
    return inner_->calls.size() - before;
  };
  const auto succeed = [&](int times) {
    for (; times > 0; --times) {
      const CancelFn cancel = Ask(retrying);
      inner_->Answer(inner_->calls.size() - 1);
    }
  };
  EXPECT_EQ(attempts_of_a_failure(), 2u);
  EXPECT_EQ(attempts_of_a_failure(), 1u);
  succeed(1);
  EXPECT_EQ(attempts_of_a_failure(), 1u);
  succeed(1);
  EXPECT_EQ(attempts_of_a_failure(), 2u);
  succeed(9);
  EXPECT_EQ(attempts_of_a_failure(), 2u);
}

TEST_F(PolicyTest, CheckedTurnsBadAnswersIntoAFault) {
  const CancelFn cancel = Ask(Checked(inner_));
  ManualEvaluator::End(*inner_->calls[0], Means({0.5, std::numeric_limits<double>::infinity()}));
  EXPECT_EQ(code(), absl::StatusCode::kInternal);
  EXPECT_THAT(message(), HasSubstr("answers[1].mean"));
}

TEST_F(PolicyTest, AllTogether) {
  CallPolicy policy;
  policy.timeout = absl::Seconds(1);
  policy.retry = {.max_attempts = 3, .initial_backoff = absl::Milliseconds(10)};
  const auto evaluator = WithPolicy(inner_, policy, &clock_, &counts_);
  EXPECT_EQ(evaluator->name(), "manual");
  const CancelFn cancel = Ask(evaluator);
  clock_.RunFor(absl::Milliseconds(1100));  // too late: another attempt
  ASSERT_EQ(inner_->calls.size(), 2u);
  ManualEvaluator::End(*inner_->calls[1], Means({2, 2}));  // out of range: another attempt
  clock_.RunFor(absl::Milliseconds(100));
  ASSERT_EQ(inner_->calls.size(), 3u);
  inner_->Answer(2);
  ASSERT_TRUE(seen_.result->ok());
  EXPECT_EQ(counts_.retried, 4);
  const CancelFn again = Ask(evaluator);
  EXPECT_EQ(inner_->calls.size(), 3u);
  EXPECT_EQ(counts_.cached, 2);
  EXPECT_EQ(seen_.calls, 2);
}

TEST_F(PolicyTest, WithoutBytesForItThereIsNoCache) {
  const auto asked = [this](int64_t cache_bytes) {
    inner_->calls.clear();
    CallPolicy policy;
    policy.cache_bytes = cache_bytes;
    const auto evaluator = WithPolicy(inner_, policy, &clock_, &counts_);
    Outcome outcomes[2];
    const CancelFn a = evaluator->Evaluate(CoalitionBatch(SmallContext(1)), outcomes[0].Done());
    const CancelFn b = evaluator->Evaluate(CoalitionBatch(SmallContext(1)), outcomes[1].Done());
    const size_t calls = inner_->calls.size();
    while (inner_->open() > 0) inner_->Answer(calls - static_cast<size_t>(inner_->open()));
    return calls;
  };
  EXPECT_EQ(asked(0), 2u);
  EXPECT_EQ(asked(1), 1u) << "who asks the same at once waits for the first";
}

}  // namespace
}  // namespace assay::evaluation
