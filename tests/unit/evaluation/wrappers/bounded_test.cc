#include "server/evaluation/wrappers/bounded.h"

#include "gtest/gtest.h"
#include "tests/unit/evaluation/fixtures.h"

namespace assay::evaluation {
namespace {

TEST(Bounded, SplitsAndJoinsInOrder) {
  auto inner = std::make_shared<ManualEvaluator>();
  const auto bounded = Bounded(inner, {.batch_size = 3});
  const Batch batch = CoalitionBatch(SmallContext(3));
  Outcome seen;
  const CancelFn cancel = bounded->Evaluate(batch, seen.Done());
  ASSERT_EQ(inner->calls.size(), 3u);
  EXPECT_EQ(inner->calls[2]->batch.questions.size(), 2u);
  inner->Answer(2);
  inner->Answer(0);
  EXPECT_EQ(seen.calls, 0);
  inner->Answer(1);
  ASSERT_EQ(seen.calls, 1);
  ASSERT_TRUE(seen.result->ok());
  for (size_t i = 0; i < 8; ++i) EXPECT_EQ((**seen.result)[i].mean, OwnAnswers(batch)[i].mean);
}

TEST(Bounded, KeepsToTheBounds) {
  auto inner = std::make_shared<ManualEvaluator>();
  const auto calls = Bounded(inner, {.batch_size = 1, .max_calls = 2});
  Outcome seen;
  const CancelFn cancel = calls->Evaluate(CoalitionBatch(SmallContext(2)), seen.Done());
  EXPECT_EQ(inner->calls.size(), 2u);
  inner->Answer(0);
  EXPECT_EQ(inner->calls.size(), 3u);
  inner->Answer(1);
  inner->Answer(2);
  inner->Answer(3);
  EXPECT_EQ(seen.calls, 1);

  auto second = std::make_shared<ManualEvaluator>();
  const auto questions = Bounded(second, {.batch_size = 2, .max_questions = 5});
  const CancelFn other = questions->Evaluate(CoalitionBatch(SmallContext(3)), seen.Done());
  EXPECT_EQ(second->calls.size(), 2u);
  for (size_t i = 0; i < 4; ++i) second->Answer(i);
  EXPECT_EQ(seen.calls, 2);
}

TEST(Bounded, ACallLargerThanTheBoundStillGoes) {
  auto inner = std::make_shared<ManualEvaluator>();
  const auto bounded = Bounded(inner, {.batch_size = 100, .max_questions = 2});
  Outcome seen;
  const CancelFn cancel = bounded->Evaluate(CoalitionBatch(SmallContext(3)), seen.Done());
  ASSERT_EQ(inner->calls.size(), 1u);
  inner->Answer(0);
  EXPECT_TRUE(seen.result->ok());
}

TEST(Bounded, TheFirstFailureEndsTheBatchAndFreesItsRoom) {
  auto inner = std::make_shared<ManualEvaluator>();
  const auto bounded = Bounded(inner, {.batch_size = 1, .max_calls = 2});
  Outcome first;
  Outcome second;
  const CancelFn a = bounded->Evaluate(CoalitionBatch(SmallContext(2)), first.Done());
  const CancelFn b = bounded->Evaluate(CoalitionBatch(SmallContext(1)), second.Done());
  inner->Fail(0, absl::UnavailableError("away"));
  ASSERT_EQ(first.calls, 1);
  EXPECT_EQ(first.result->status(), absl::UnavailableError("away"));
  EXPECT_TRUE(inner->calls[1]->cancelled);
  ASSERT_GE(inner->calls.size(), 4u);
  for (size_t i = 2; i < inner->calls.size(); ++i) inner->Answer(i);
  EXPECT_TRUE(second.result->ok());
  EXPECT_EQ(first.calls, 1);
}

TEST(Bounded, CancelReachesWhatRunsAndWhatWaits) {
  auto inner = std::make_shared<ManualEvaluator>();
  const auto bounded = Bounded(inner, {.batch_size = 1, .max_calls = 1});
  Outcome first;
  Outcome second;
  CancelFn cancel = bounded->Evaluate(CoalitionBatch(SmallContext(3)), first.Done());
  const CancelFn b = bounded->Evaluate(CoalitionBatch(SmallContext(0)), second.Done());
  cancel();
  EXPECT_EQ(first.result->status().code(), absl::StatusCode::kCancelled);
  ASSERT_EQ(inner->calls.size(), 2u);
  EXPECT_TRUE(inner->calls[0]->cancelled);
  EXPECT_EQ(inner->calls[1]->batch.context->episode.agents.size(), 0u);
  inner->Answer(1);
  EXPECT_TRUE(second.result->ok());
}

TEST(Bounded, RefusesWhatCannotWait) {
  auto inner = std::make_shared<ManualEvaluator>();
  const auto bounded = Bounded(inner, {.batch_size = 1, .max_calls = 1, .max_waiting = 4});
  Outcome first;
  Outcome second;
  const CancelFn a = bounded->Evaluate(CoalitionBatch(SmallContext(2)), first.Done());
  const CancelFn b = bounded->Evaluate(CoalitionBatch(SmallContext(1)), second.Done());
  EXPECT_EQ(first.calls, 0);
  EXPECT_EQ(second.result->status().code(), absl::StatusCode::kResourceExhausted);
  inner->Drop();
}

// Answers before Evaluate returns: a queue of any length must not become a stack of any depth.
class InlineEvaluator final : public Evaluator {
 public:
  absl::string_view name() const override { return "inline"; }
  const signals::EvaluatorTraits& traits() const override { return traits_; }
  CancelFn Evaluate(Batch batch, BatchDone done) override {
    done(OwnAnswers(batch));
    return [] {};
  }

 private:
  signals::EvaluatorTraits traits_;
};

TEST(Bounded, DoesNotRecurse) {
  const auto bounded =
      Bounded(std::make_shared<InlineEvaluator>(), {.batch_size = 1, .max_calls = 1});
  Batch batch;
  batch.context = SmallContext(1);
  batch.questions.resize(200'000);
  Outcome seen;
  const CancelFn cancel = bounded->Evaluate(std::move(batch), seen.Done());
  ASSERT_EQ(seen.calls, 1);
  EXPECT_TRUE(seen.result->ok());
}

TEST(Bounded, AnEmptyBatchIsAnsweredToo) {
  const auto bounded = Bounded(std::make_shared<InlineEvaluator>(), {});
  Batch batch;
  batch.context = SmallContext(1);
  Outcome seen;
  const CancelFn cancel = bounded->Evaluate(std::move(batch), seen.Done());
  ASSERT_EQ(seen.calls, 1);
  EXPECT_TRUE((*seen.result)->empty());
}

}  // namespace
}  // namespace assay::evaluation
