#include "server/evaluation/evaluators/caller.h"

#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/evaluation/fixtures.h"

namespace assay::evaluation {
namespace {

using ::testing::HasSubstr;

class RecordingSink final : public CallerSink {
 public:
  void Ask(CallerRequest request) override { requests.push_back(std::move(request)); }
  Answers AnswersTo(size_t i) const {
    return OwnAnswers({requests[i].context, requests[i].questions});
  }
  std::vector<CallerRequest> requests;
};

class CountingObserver final : public QuestionObserver {
 public:
  void OnAnswersDropped(absl::string_view, int64_t count) override { dropped += count; }
  int64_t dropped = 0;
};

class CallerTest : public ::testing::Test {
 protected:
  CallerStack Make(int batch_size = 64, int max_outstanding = 10'000) {
    return MakeCaller({}, {.batch_size = batch_size, .max_outstanding = max_outstanding}, sink_,
                      &observer_);
  }
  std::shared_ptr<RecordingSink> sink_ = std::make_shared<RecordingSink>();
  CountingObserver observer_;
};

TEST_F(CallerTest, SplitsBatchesAndJoinsAnswersInAnyOrder) {
  const CallerStack stack = Make(/*batch_size=*/3);
  const Batch batch = CoalitionBatch(SmallContext(3));
  Outcome seen;
  const CancelFn cancel = stack.evaluator->Evaluate(batch, seen.Done());
  ASSERT_EQ(sink_->requests.size(), 3u);
  EXPECT_EQ(stack.caller->outstanding_questions(), 8);
  for (size_t i : {2u, 0u, 1u}) {
    EXPECT_EQ(stack.caller->OnAnswers(sink_->requests[i].evaluation_id, sink_->AnswersTo(i)),
              AnswerFate::kTaken);
  }
  ASSERT_EQ(seen.calls, 1);
  for (size_t i = 0; i < 8; ++i) EXPECT_EQ((**seen.result)[i].mean, OwnAnswers(batch)[i].mean);
  EXPECT_EQ(stack.caller->outstanding_questions(), 0);
}

TEST_F(CallerTest, BoundsWhatIsOutstanding) {
  const CallerStack stack = Make(/*batch_size=*/2, /*max_outstanding=*/4);
  Outcome seen;
  const CancelFn cancel = stack.evaluator->Evaluate(CoalitionBatch(SmallContext(3)), seen.Done());
  EXPECT_EQ(stack.caller->outstanding_questions(), 4);
  for (size_t i = 0; i < 4; ++i) {
    ASSERT_GT(sink_->requests.size(), i);
    stack.caller->OnAnswers(sink_->requests[i].evaluation_id, sink_->AnswersTo(i));
    EXPECT_LE(stack.caller->outstanding_questions(), 4);
  }
  EXPECT_TRUE(seen.result->ok());
}

TEST_F(CallerTest, TellsLateFromUnknown) {
  const CallerStack stack = Make();
  Outcome seen;
  const CancelFn cancel = stack.evaluator->Evaluate(CoalitionBatch(SmallContext(1)), seen.Done());
  const std::string id = sink_->requests[0].evaluation_id;
  EXPECT_EQ(stack.caller->OnAnswers("", Means({})), AnswerFate::kUnknown);
  EXPECT_EQ(stack.caller->OnAnswers("0", Means({})), AnswerFate::kUnknown);
  EXPECT_EQ(stack.caller->OnAnswers("0" + id, Means({})), AnswerFate::kUnknown);
  EXPECT_EQ(stack.caller->OnAnswers(" " + id, Means({})), AnswerFate::kUnknown);
  EXPECT_EQ(stack.caller->OnAnswers("999", Means({})), AnswerFate::kUnknown);
  EXPECT_EQ(stack.caller->OnAnswers(id, sink_->AnswersTo(0)), AnswerFate::kTaken);
  EXPECT_EQ(observer_.dropped, 0);
  EXPECT_EQ(stack.caller->OnAnswers(id, sink_->AnswersTo(0)), AnswerFate::kLate);
  EXPECT_EQ(observer_.dropped, 2);
  EXPECT_EQ(seen.calls, 1);
}

TEST_F(CallerTest, BadAnswersFailTheBatchWithTheirPath) {
  const CallerStack stack = Make();
  Outcome seen;
  const CancelFn cancel = stack.evaluator->Evaluate(CoalitionBatch(SmallContext(1)), seen.Done());
  EXPECT_EQ(stack.caller->OnAnswers(sink_->requests[0].evaluation_id,
                                    Means({0, std::numeric_limits<double>::quiet_NaN()})),
            AnswerFate::kTaken);
  EXPECT_EQ(seen.result->status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(seen.result->status().message()), HasSubstr("answers[1].mean"));
}

TEST_F(CallerTest, AnErrorOfTheCallerIsTheEpisodesError) {
  const CallerStack stack = Make();
  Outcome seen;
  const CancelFn cancel = stack.evaluator->Evaluate(CoalitionBatch(SmallContext(1)), seen.Done());
  stack.caller->OnAnswers(sink_->requests[0].evaluation_id, absl::AbortedError("simulator died"));
  EXPECT_EQ(seen.result->status(), absl::AbortedError("simulator died"));
}

TEST_F(CallerTest, ARolloutThatFailedIsAnAnswer) {
  for (const bool rollout : {true, false}) {
    const CallerStack stack = Make();
    Outcome seen;
    Batch batch = CoalitionBatch(SmallContext(1));
    if (rollout) batch.questions[1] = {{.kind = signals::QuestionKind::kPrefix, .index = 1}};
    const CancelFn cancel = stack.evaluator->Evaluate(batch, seen.Done());
    Answers answers = Means({0.25, 0});
    answers[1].error = absl::UnavailableError("no container");
    stack.caller->OnAnswers(sink_->requests.back().evaluation_id, answers);
    ASSERT_EQ(seen.result->ok(), rollout);
    if (rollout) {
      EXPECT_EQ((**seen.result)[0].mean, 0.25);
      EXPECT_EQ((**seen.result)[1].error, answers[1].error);
    } else {
      EXPECT_EQ(seen.result->status(), answers[1].error);
    }
  }
}

// Whoever raises where a rollout fails means the rollout, and not the episode.
TEST_F(CallerTest, AFailedBatchOfRolloutsIsAFailureOfEach) {
  const absl::Status kAway = absl::UnavailableError("no container");
  const auto ask = [&](signals::QuestionKind last, const absl::Status& failure) {
    const CallerStack stack = Make();
    Outcome seen;
    Batch batch = CoalitionBatch(SmallContext(1));
    batch.questions[0] = {{.kind = signals::QuestionKind::kPrefix, .index = 1}};
    batch.questions[1] = {{.kind = last}};
    const CancelFn cancel = stack.evaluator->Evaluate(batch, seen.Done());
    stack.caller->OnAnswers(sink_->requests.back().evaluation_id, failure);
    return *seen.result;
  };
  const auto failed = ask(signals::QuestionKind::kCorrection, kAway);
  ASSERT_TRUE(failed.ok()) << failed.status();
  for (const signals::Answer& answer : *failed) EXPECT_EQ(answer.error, kAway);
  EXPECT_EQ(ask(signals::QuestionKind::kCoalition, kAway).status(), kAway);
  const absl::Status kBug = absl::UnimplementedError("no prefixes here");
  EXPECT_EQ(ask(signals::QuestionKind::kCorrection, kBug).status(), kBug);
}

TEST_F(CallerTest, ACancelledRequestMakesItsAnswerLate) {
  const CallerStack stack = Make();
  Outcome seen;
  CancelFn cancel = stack.evaluator->Evaluate(CoalitionBatch(SmallContext(1)), seen.Done());
  cancel();
  EXPECT_EQ(seen.result->status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(stack.caller->outstanding_questions(), 0);
  EXPECT_EQ(stack.caller->OnAnswers(sink_->requests[0].evaluation_id, sink_->AnswersTo(0)),
            AnswerFate::kLate);
}

TEST_F(CallerTest, CloseFailsAllThatIsAndComes) {
  const CallerStack stack = Make(/*batch_size=*/1, /*max_outstanding=*/2);
  Outcome before;
  Outcome after;
  const CancelFn a = stack.evaluator->Evaluate(CoalitionBatch(SmallContext(3)), before.Done());
  stack.caller->Close(absl::UnavailableError("the caller is gone"));
  EXPECT_EQ(before.result->status().code(), absl::StatusCode::kUnavailable);
  const CancelFn b = stack.evaluator->Evaluate(CoalitionBatch(SmallContext(1)), after.Done());
  EXPECT_EQ(after.result->status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(before.calls, 1);
  EXPECT_EQ(sink_->requests.size(), 2u);
  EXPECT_EQ(stack.caller->outstanding_questions(), 0);
  EXPECT_EQ(sink_.use_count(), 1);
}

}  // namespace
}  // namespace assay::evaluation
