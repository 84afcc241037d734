// Episodes that end early: timeouts, cancellation, failures, partial signals.
#include <future>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/engine/asio_executor.h"
#include "server/engine/engine.h"
#include "server/evaluation/evaluators/outcome_only.h"
#include "server/evaluation/evaluators/vote_replay.h"
#include "tests/simulation/virtual_executor.h"
#include "tests/unit/engine/engine_fixture.h"
#include "tests/unit/evaluation/fixtures.h"

namespace assay::engine {
namespace {

using evaluation::ManualEvaluator;

TEST_P(EngineTest, TheTimeoutEndsAnEpisodeAndItsQuestions) {
  EpisodeJob job = Job(manual_);
  job.timeout = absl::Seconds(2);
  const auto run = engine_.Start(std::move(job), result_.Done());
  executor_.RunFor(absl::Milliseconds(1999));
  EXPECT_EQ(result_.calls, 0);
  EXPECT_EQ(manual_->calls[0]->batch.deadline, executor_.Now() + absl::Milliseconds(1));
  executor_.RunFor(absl::Milliseconds(1));
  ASSERT_EQ(result_.calls, 1);
  EXPECT_EQ(result_.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(manual_->calls[0]->cancelled);
  EXPECT_EQ(observer_.done["manual timeout"], observer_.asked);
}

TEST_P(EngineTest, WhatHasNoTimeoutLeavesTheTimersOfOthersAlone) {
  EpisodeJob timed = Job(manual_);
  timed.timeout = absl::Seconds(2);
  const auto first = engine_.Start(std::move(timed), result_.Done());
  Result other;
  EpisodeJob untimed = Job(evaluation::MakeVoteReplay({}));
  untimed.context = VoteContext();
  const auto second = engine_.Start(std::move(untimed), other.Done());
  executor_.RunReady();
  EXPECT_EQ(other.calls, 1);
  EXPECT_EQ(executor_.pending_timers(), 1u);
  executor_.RunFor(absl::Seconds(2));
  ASSERT_EQ(result_.calls, 1);
  EXPECT_EQ(result_.code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_P(EngineTest, CancelEndsAnEpisodeAndItsQuestions) {
  const auto run = engine_.Start(Job(manual_), result_.Done());
  executor_.RunReady();
  run->Cancel();
  EXPECT_EQ(result_.calls, 0);
  executor_.RunReady();
  ASSERT_EQ(result_.calls, 1);
  EXPECT_EQ(result_.code(), absl::StatusCode::kCancelled);
  EXPECT_TRUE(manual_->calls[0]->cancelled);
  run->Cancel();
  executor_.RunUntilIdle();
  EXPECT_EQ(result_.calls, 1);
  EXPECT_EQ(observer_.done["manual cancelled"], observer_.asked);
}

TEST_P(EngineTest, CancelBeforeTheFirstTurn) {
  const auto run = engine_.Start(Job(manual_), result_.Done());
  run->Cancel();
  executor_.RunUntilIdle();
  EXPECT_EQ(result_.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(observer_.asked, 0);
}

TEST_P(EngineTest, AFailedEvaluatorIsTheEpisodesError) {
  const auto run = engine_.Start(Job(manual_), result_.Done());
  executor_.RunReady();
  manual_->Fail(0, absl::UnavailableError("away"));
  EXPECT_EQ(result_.calls, 0);
  executor_.RunReady();
  ASSERT_EQ(result_.calls, 1);
  EXPECT_EQ(result_.signals->status(), absl::UnavailableError("away"));
  EXPECT_EQ(observer_.done["manual failed"], observer_.asked);
}

TEST_P(EngineTest, TooFewAnswersAreAFailure) {
  const auto run = engine_.Start(Job(manual_), result_.Done());
  executor_.RunReady();
  ManualEvaluator::End(*manual_->calls[0], evaluation::Means({0.5}));
  executor_.RunReady();
  EXPECT_EQ(result_.code(), absl::StatusCode::kInternal);
}

TEST_P(EngineTest, WithoutAReferenceVoteReplaySaysWhatIsMissing) {
  EpisodeJob job = Job(evaluation::MakeVoteReplay({}));
  auto context = VoteContext();
  context->episode.reference_answer = "";
  job.context = context;
  const auto run = engine_.Start(std::move(job), result_.Done());
  executor_.RunUntilIdle();
  EXPECT_EQ(result_.code(), absl::StatusCode::kFailedPrecondition);
}

TEST_P(EngineTest, PartialSignalsFromTheAnswersSoFar) {
  options_->allow_partial = true;
  // Coalitions first, kept messages in a second stage that nobody answers.
  manual_->own_traits.free = true;
  manual_->own_traits.supports |= signals::Bit(signals::QuestionKind::kMessages);
  EpisodeJob job = Job(manual_);
  auto context = evaluation::SmallContext(3);
  context->episode.score = 1;
  context->episode.messages.push_back(context->episode.messages[0]);
  job.context = context;
  job.timeout = absl::Seconds(1);
  EpisodeJob strict = job;
  const auto run = engine_.Start(std::move(job), result_.Done());
  executor_.RunReady();
  manual_->Answer(0);
  executor_.RunReady();
  ASSERT_EQ(manual_->calls.size(), 2u);
  executor_.RunFor(absl::Seconds(1));
  ASSERT_EQ(result_.calls, 1);
  ASSERT_TRUE(result_.signals->ok()) << result_.signals->status();
  EXPECT_TRUE((*result_.signals)->partial);

  // Not unasked for, and not before anything was answered.
  strict.options = std::make_shared<signals::Options>();
  Result refused;
  const auto other = engine_.Start(std::move(strict), refused.Done());
  executor_.RunReady();
  manual_->Answer(2);
  executor_.RunReady();
  executor_.RunFor(absl::Seconds(1));
  ASSERT_EQ(refused.calls, 1);
  EXPECT_EQ(refused.code(), absl::StatusCode::kDeadlineExceeded);
  EpisodeJob late = Job(manual_);
  late.timeout = absl::ZeroDuration();
  Result expired;
  const auto third = engine_.Make(std::move(late), expired.Done());
  executor_.RunFor(absl::Seconds(1));
  third->Start();
  executor_.RunUntilIdle();
  EXPECT_EQ(expired.code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_P(EngineTest, AFinishedRunHoldsNothing) {
  std::weak_ptr<const evaluation::EpisodeContext> context;
  std::shared_ptr<engine::Run> run;
  {
    EpisodeJob job = Job(manual_);
    job.timeout = absl::Hours(1);
    context = job.context;
    run = engine_.Start(std::move(job), result_.Done());
  }
  AnswerAll();
  manual_->calls.clear();
  EXPECT_EQ(result_.calls, 1);
  EXPECT_EQ(executor_.pending_timers(), 0u) << "nor does its timeout";
  EXPECT_TRUE(context.expired());
}

}  // namespace
}  // namespace assay::engine
