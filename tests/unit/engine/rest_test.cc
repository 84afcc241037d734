#include "server/engine/rest.h"

#include "gtest/gtest.h"
#include "server/base/retry_after.h"
#include "tests/unit/engine/engine_fixture.h"

namespace assay::engine {
namespace {

using evaluation::Answers;
using evaluation::ManualEvaluator;

Answers Failed(size_t failed, size_t answered, absl::Status error = absl::UnavailableError("x")) {
  Answers answers(failed + answered);
  for (size_t k = 0; k < failed; ++k) answers[k].error = error;
  return answers;
}

TEST(Rests, GrowWhileNothingSucceeds) {
  Rests rests;
  const absl::Duration left = absl::Hours(1);
  EXPECT_EQ(rests.After(Failed(0, 3), left), absl::ZeroDuration());
  EXPECT_EQ(rests.After(Failed(2, 0), left), absl::Milliseconds(50));
  EXPECT_EQ(rests.After(Failed(1, 0), left), absl::Milliseconds(100));
  EXPECT_EQ(rests.After(Failed(1, 0), left), absl::Milliseconds(200));
  EXPECT_EQ(rests.After(Failed(1, 1), left), absl::Milliseconds(50)) << "one succeeded";
  for (int k = 0; k < 100; ++k) rests.After(Failed(1, 0), left);
  EXPECT_EQ(rests.After(Failed(1, 0), left), absl::Seconds(2));
  EXPECT_EQ(rests.After(Failed(0, 1), left), absl::ZeroDuration());
  EXPECT_EQ(rests.After(Failed(1, 0), left), absl::Milliseconds(50));
}

TEST(Rests, WaitAsLongAsTheyAreTold) {
  Rests rests;
  const absl::Status busy = WithRetryAfter(absl::UnavailableError("busy"), absl::Seconds(7));
  EXPECT_EQ(rests.After(Failed(1, 2, busy), absl::Hours(1)), absl::Seconds(7));
  EXPECT_EQ(rests.After(Failed(1, 2, busy), absl::InfiniteDuration()), absl::Seconds(7));
}

TEST(Rests, TakeAnEighthOfTheTimeLeft) {
  Rests rests;
  EXPECT_EQ(rests.After(Failed(1, 0), absl::Milliseconds(80)), absl::Milliseconds(10));
  EXPECT_EQ(rests.After(Failed(1, 0), -absl::Seconds(1)), absl::ZeroDuration());
}

class FlakyEngineTest : public EngineTest {
 protected:
  FlakyEngineTest() {
    manual_->own_traits.supports |= signals::Bit(signals::QuestionKind::kPrefix);
  }
  // A failure whose coalitions are known, so that the place of its error is asked for next.
  std::shared_ptr<engine::Run> StartFailure(absl::Duration timeout = absl::Minutes(10)) {
    EpisodeJob job = Job(manual_);
    auto context = evaluation::SmallContext(3);
    context->episode.score = 0;
    job.context = context;
    job.timeout = timeout;
    std::shared_ptr<engine::Run> run = engine_.Start(std::move(job), result_.Done());
    executor_.RunReady();
    manual_->Answer(0);
    executor_.RunReady();
    return run;
  }
  // Whether the last call asks for a rollout that nobody has answered.
  bool Asks() const {
    const ManualEvaluator::Call& call = *manual_->calls.back();
    return !call.ended && call.batch.questions[0].kind == signals::QuestionKind::kPrefix;
  }
  void FailRollouts() {
    ManualEvaluator::Call& call = *manual_->calls.back();
    ManualEvaluator::End(call, Failed(call.batch.questions.size(), 0));
    executor_.RunReady();
  }
};

TEST_P(FlakyEngineTest, AFailedRolloutIsAskedAgainAfterARest) {
  const auto run = StartFailure();
  ASSERT_TRUE(Asks());
  const int32_t place = manual_->calls.back()->batch.questions[0].index;
  for (const int wait : {50, 100, 200}) {
    FailRollouts();
    executor_.RunFor(absl::Milliseconds(wait - 1));
    EXPECT_FALSE(Asks()) << wait;
    executor_.RunFor(absl::Milliseconds(1));
    ASSERT_TRUE(Asks()) << wait;
    EXPECT_EQ(manual_->calls.back()->batch.questions[0].index, place);
  }
  Answers answers(manual_->calls.back()->batch.questions.size());
  ManualEvaluator::End(*manual_->calls.back(), answers);
  executor_.RunReady();
  EXPECT_TRUE(Asks()) << "nothing is waited for after a success";
  while (result_.calls == 0) {
    ManualEvaluator::End(*manual_->calls.back(), answers);
    executor_.RunReady();
  }
  ASSERT_TRUE(result_.signals->ok()) << result_.signals->status();
  EXPECT_EQ((*result_.signals)->failed_rollouts, 3);
  EXPECT_TRUE((*result_.signals)->failed_nodes.empty());
  EXPECT_EQ(executor_.pending_timers(), 0u);
}

TEST_P(FlakyEngineTest, RolloutsThatNeverComeAreGivenUpBeforeTheTimeout) {
  const auto run = StartFailure(absl::Seconds(5));
  int rounds = 0;
  while (result_.calls == 0) {
    ASSERT_LT(++rounds, 1000);
    if (Asks()) FailRollouts();
    executor_.RunFor(absl::Milliseconds(10));
  }
  ASSERT_TRUE(result_.signals->ok()) << result_.signals->status();
  EXPECT_EQ((*result_.signals)->first_error.search_end, blame::SearchEnd::kFailures);
  EXPECT_FALSE((*result_.signals)->failed_nodes.empty());
  EXPECT_EQ((*result_.signals)->conservation.target, -1) << "the team failed no more than it did";
}

TEST_P(FlakyEngineTest, AnEpisodeThatRestsCanBeCancelledAndTimesOut) {
  const auto run = StartFailure();
  FailRollouts();
  ASSERT_FALSE(Asks());
  run->Cancel();
  executor_.RunReady();
  ASSERT_EQ(result_.calls, 1);
  EXPECT_EQ(result_.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(executor_.pending_timers(), 0u);
  EXPECT_EQ(observer_.done["manual answered"], observer_.asked);
}

INSTANTIATE_TEST_SUITE_P(Schedules, FlakyEngineTest, ::testing::Range<uint64_t>(0, 8));

}  // namespace
}  // namespace assay::engine
