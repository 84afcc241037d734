#include "server/engine/engine.h"

#include <future>
#include <random>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/engine/asio_executor.h"
#include "server/evaluation/evaluators/outcome_only.h"
#include "server/evaluation/evaluators/vote_replay.h"
#include "tests/simulation/virtual_executor.h"
#include "tests/unit/engine/engine_fixture.h"
#include "tests/unit/evaluation/fixtures.h"

namespace assay::engine {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;

TEST_P(EngineTest, LocalEvaluator) {
  EpisodeJob job = Job(evaluation::MakeVoteReplay({}));
  job.context = VoteContext();
  const auto run = engine_.Start(std::move(job), result_.Done());
  EXPECT_EQ(result_.calls, 0);
  executor_.RunUntilIdle();
  ASSERT_EQ(result_.calls, 1);
  ASSERT_TRUE(result_.signals->ok()) << result_.signals->status();
  std::vector<double> credit;
  for (const auto& agent : (*result_.signals)->agents) credit.push_back(agent.credit);
  EXPECT_THAT(credit, ElementsAre(DoubleNear(-0.25, 1e-12), DoubleNear(0.5, 1e-12),
                                  DoubleNear(-0.25, 1e-12)));
  EXPECT_EQ(observer_.asked, observer_.done["vote answered"]);
  EXPECT_EQ(observer_.asked, 8) << "one table of all coalitions";
}

TEST_P(EngineTest, AShortEpisodeEndsWhereItIsStarted) {
  EpisodeJob job = Job(evaluation::MakeVoteReplay({}));
  job.context = VoteContext();
  job.timeout = absl::Seconds(2);
  const auto run = engine_.Make(std::move(job), result_.Done());
  EXPECT_EQ(result_.calls, 0);
  run->StartHere();
  ASSERT_EQ(result_.calls, 1);
  EXPECT_TRUE(result_.signals->ok()) << result_.signals->status();
  EXPECT_EQ(executor_.pending_timers(), 0u);
  EXPECT_FALSE(executor_.RunOne()) << "nothing is handed over to a worker";
}

TEST_P(EngineTest, WhatMustWaitIsTimedWhereverItWasStarted) {
  EpisodeJob job = Job(manual_);
  job.timeout = absl::Seconds(2);
  const auto run = engine_.Make(std::move(job), result_.Done());
  run->StartHere();
  EXPECT_EQ(manual_->open(), 1);
  executor_.RunFor(absl::Seconds(2));
  ASSERT_EQ(result_.calls, 1);
  EXPECT_EQ(result_.code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_P(EngineTest, CancelledBeforeItIsStarted) {
  const auto run = engine_.Make(Job(manual_), result_.Done());
  run->Cancel();
  run->StartHere();
  EXPECT_EQ(result_.calls, 0) << "whoever was woken by the cancel tells of it";
  executor_.RunUntilIdle();
  ASSERT_EQ(result_.calls, 1);
  EXPECT_EQ(result_.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(manual_->open(), 0);
}

TEST_P(EngineTest, AsynchronousEvaluator) {
  const auto run = engine_.Start(Job(manual_), result_.Done());
  executor_.RunReady();
  EXPECT_EQ(result_.calls, 0);
  EXPECT_EQ(manual_->open(), 1);
  AnswerAll();
  ASSERT_EQ(result_.calls, 1);
  ASSERT_TRUE(result_.signals->ok());
  EXPECT_EQ((*result_.signals)->baseline, 1);
  EXPECT_EQ(observer_.asked, observer_.done["manual answered"]);
}

TEST_P(EngineTest, TellsHowLongAnEpisodeWaitedAndItsAnswersTook) {
  const auto run = engine_.Make(Job(manual_), result_.Done());
  executor_.RunFor(absl::Seconds(3));
  run->Start();
  executor_.RunReady();
  EXPECT_EQ(observer_.queued, absl::Seconds(3));
  executor_.RunFor(absl::Seconds(2));
  manual_->Answer(0);
  executor_.RunReady();
  EXPECT_EQ(observer_.answered_in, absl::Seconds(2));
}

// A table of 2^3 values, and nothing else where every agent speaks once.
TEST_P(EngineTest, ATableIsAsManyQuestionsAsItHasValues) {
  EpisodeJob job = Job(evaluation::MakeVoteReplay({}));
  job.context = VoteContext();
  const auto run = engine_.Start(std::move(job), result_.Done());
  executor_.RunUntilIdle();
  EXPECT_EQ(observer_.asked, 8);
}

TEST_P(EngineTest, OutcomeOnlyAsksNothing) {
  EpisodeJob job = Job(evaluation::MakeOutcomeOnly());
  auto context = evaluation::SmallContext(2);
  context->episode.score = 1;
  job.context = context;
  const auto run = engine_.Start(std::move(job), result_.Done());
  executor_.RunUntilIdle();
  ASSERT_TRUE(result_.signals->ok()) << result_.signals->status();
  EXPECT_EQ(observer_.asked, 0);
}

TEST_P(EngineTest, ScorerIsAskedBesideTheEvaluator) {
  class Scorer final : public evaluation::Evaluator {
   public:
    Scorer() { traits_.supports = signals::Bit(signals::QuestionKind::kMessageScores); }
    absl::string_view name() const override { return "scorer"; }
    const signals::EvaluatorTraits& traits() const override { return traits_; }
    evaluation::CancelFn Evaluate(evaluation::Batch batch, evaluation::BatchDone done) override {
      evaluation::Answers answers(batch.questions.size());
      for (auto& answer : answers) {
        answer.scores.assign(batch.context->episode.messages.size(), 0.5);
      }
      done(std::move(answers));
      return [] {};
    }

   private:
    signals::EvaluatorTraits traits_;
  };
  EpisodeJob job = Job(manual_);
  job.scorer = std::make_shared<Scorer>();
  const auto run = engine_.Start(std::move(job), result_.Done());
  AnswerAll();
  ASSERT_TRUE(result_.signals->ok()) << result_.signals->status();
  EXPECT_EQ(observer_.done["scorer answered"], 1);
}

// Every episode is answered exactly once, and the totals add up, in whatever order answers,
// failures, cancels and timeouts come.
TEST_P(EngineTest, EveryOrderOfEvents) {
  std::mt19937_64 random(GetParam() + 1);
  constexpr int kEpisodes = 40;
  std::vector<Result> results(kEpisodes);
  std::vector<std::shared_ptr<engine::Run>> runs;
  options_->allow_partial = GetParam() % 2 == 0;
  for (int i = 0; i < kEpisodes; ++i) {
    EpisodeJob job = Job(manual_, 1 + i % 5);
    if (i % 3 == 0) job.timeout = absl::Milliseconds(1 + random() % 50);
    runs.push_back(engine_.Start(std::move(job), results[i].Done()));
  }
  for (int step = 0; step < 4000; ++step) {
    switch (random() % 8) {
      case 0:
        if (random() % 20 == 0) runs[random() % runs.size()]->Cancel();
        break;
      case 1:
        executor_.RunFor(absl::Milliseconds(random() % 2));
        break;
      case 2:
      case 3:
        if (!manual_->calls.empty()) {
          const size_t call = random() % manual_->calls.size();
          if (random() % 10 == 0) {
            manual_->Fail(call, absl::UnavailableError("away"));
          } else {
            manual_->Answer(call);
          }
        }
        break;
      default:
        executor_.RunOne();
    }
  }
  AnswerAll();
  executor_.RunUntilIdle();
  int64_t done = 0;
  for (const auto& [outcome, count] : observer_.done) done += count;
  EXPECT_EQ(observer_.asked, done);
  for (const Result& result : results) EXPECT_EQ(result.calls, 1);
}

INSTANTIATE_TEST_SUITE_P(Schedules, EngineTest, ::testing::Range<uint64_t>(0, 16));

std::vector<double> CreditsWith(int workers) {
  AsioExecutor executor(workers, nullptr);
  Engine engine(&executor, nullptr);
  const auto options = std::make_shared<const signals::Options>();
  std::vector<std::promise<std::vector<double>>> promises(50);
  std::vector<std::shared_ptr<engine::Run>> runs;
  for (auto& promise : promises) {
    EpisodeJob job;
    job.context = VoteContext();
    job.options = options;
    job.evaluator = evaluation::MakeVoteReplay({});
    runs.push_back(engine.Start(std::move(job), [&](absl::StatusOr<signals::Signals> signals) {
      std::vector<double> numbers;
      for (const auto& agent : signals.value().agents) numbers.push_back(agent.credit);
      for (const auto& message : signals.value().messages) numbers.push_back(message.reward);
      promise.set_value(std::move(numbers));
    }));
  }
  std::vector<double> all;
  for (auto& promise : promises) {
    for (const double number : promise.get_future().get()) all.push_back(number);
  }
  return all;
}

TEST(Engine, SameNumbersWithAnyNumberOfWorkers) {
  const std::vector<double> one = CreditsWith(1);
  EXPECT_FALSE(one.empty());
  EXPECT_EQ(CreditsWith(2), one);
  EXPECT_EQ(CreditsWith(16), one);
}

}  // namespace
}  // namespace assay::engine
