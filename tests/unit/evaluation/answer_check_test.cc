#include "server/evaluation/answer_check.h"

#include <cmath>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/evaluation/fixtures.h"

namespace assay::evaluation {
namespace {

using ::testing::HasSubstr;

std::string Fault(const Batch& batch, Answers answers) {
  const absl::Status status = CheckAnswers(batch, &answers);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  return std::string(status.message());
}

TEST(CheckAnswers, TakesGoodOnesAndClipsRounding) {
  const Batch batch = CoalitionBatch(SmallContext(1));
  Answers answers = Means({-1e-12, 1 + 1e-12});
  answers[0].samples = 0;
  answers[1].samples = 7;
  ASSERT_TRUE(CheckAnswers(batch, &answers).ok());
  EXPECT_EQ(answers[0].samples, 1) << "as many as were asked for";
  EXPECT_EQ(answers[1].samples, 7);
  EXPECT_EQ(answers[0].mean, 0);
  EXPECT_EQ(answers[1].mean, 1);
}

// A thousand-millionth of the range's size is taken for rounding.
TEST(CheckAnswers, RoundingEndsWhereItSays) {
  auto context = SmallContext(0);
  context->range = {0, 2};
  const Batch batch = CoalitionBatch(context);
  const auto taken = [&batch](double mean) {
    Answers answers = Means({mean});
    return CheckAnswers(batch, &answers).ok();
  };
  EXPECT_TRUE(taken(-2e-9));
  EXPECT_FALSE(taken(std::nextafter(-2e-9, -1)));
  EXPECT_TRUE(taken(2 + 2e-9));
  EXPECT_FALSE(taken(std::nextafter(2 + 2e-9, 3)));
}

TEST(CheckAnswers, NamesTheFault) {
  const Batch batch = CoalitionBatch(SmallContext(1));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_THAT(Fault(batch, Means({0})), HasSubstr("1 answers to 2 questions"));
  EXPECT_THAT(Fault(batch, Means({0, 0, 0})), HasSubstr("3 answers to 2 questions"));
  EXPECT_THAT(Fault(batch, Means({0, nan})), HasSubstr("answers[1].mean"));
  EXPECT_THAT(Fault(batch, Means({-infinity, 0})), HasSubstr("answers[0].mean"));
  EXPECT_THAT(Fault(batch, Means({0, 1.01})), HasSubstr("[0, 1]"));
  Answers answers = Means({0, 0});
  answers[1].variance = -1;
  EXPECT_THAT(Fault(batch, answers), HasSubstr("answers[1].variance"));
  answers[1].variance = nan;
  EXPECT_THAT(Fault(batch, answers), HasSubstr("answers[1].variance"));
  answers[1].variance = 0;
  answers[0].samples = -1;
  EXPECT_THAT(Fault(batch, answers), HasSubstr("answers[0].samples"));
}

TEST(CheckAnswers, ScoresAreOneAMessageInRange) {
  Batch batch;
  batch.context = SmallContext(2);
  batch.questions.resize(1);
  batch.questions[0].kind = signals::QuestionKind::kMessageScores;
  Answers answers(1);
  answers[0].scores = {1, -1};
  EXPECT_TRUE(CheckAnswers(batch, &answers).ok());
  answers[0].scores = {1, -1.5};
  EXPECT_THAT(Fault(batch, answers), HasSubstr("answers[0].message_scores[1]"));
  answers[0].scores = {std::numeric_limits<double>::quiet_NaN(), 0};
  EXPECT_THAT(Fault(batch, answers), HasSubstr("answers[0].message_scores[0]"));
  answers[0].scores = {1};
  EXPECT_THAT(Fault(batch, answers), HasSubstr("1 scores for 2 messages"));
}

// The failure of an environment is an answer to whoever asked for a rollout, and to nobody else.
TEST(FailureOf, OnlyRolloutsFailAlone) {
  const auto failure = [](signals::QuestionKind kind, const absl::Status& error) {
    Batch batch = CoalitionBatch(SmallContext(1));
    batch.questions[1].kind = kind;
    Answers answers = Means({0.5, std::numeric_limits<double>::quiet_NaN()});
    answers[1].error = error;
    EXPECT_TRUE(CheckAnswers(batch, &answers).ok()) << "an answer that failed is not looked into";
    return FailureOf(batch, answers);
  };
  const absl::Status away = absl::UnavailableError("no container");
  EXPECT_EQ(failure(signals::QuestionKind::kPrefix, away), absl::OkStatus());
  EXPECT_EQ(failure(signals::QuestionKind::kCorrection, away), absl::OkStatus());
  EXPECT_EQ(failure(signals::QuestionKind::kPrefix, absl::UnknownError("KeyError")),
            absl::OkStatus());
  EXPECT_EQ(failure(signals::QuestionKind::kCoalition, away), away);
  EXPECT_EQ(failure(signals::QuestionKind::kMessages, away), away);
  EXPECT_EQ(failure(signals::QuestionKind::kMessageScores, away), away);
  for (const absl::Status& final :
       {absl::InvalidArgumentError("no such node"), absl::UnimplementedError("no rollouts here"),
        absl::PermissionDeniedError("no"), absl::CancelledError("stopped")}) {
    EXPECT_EQ(failure(signals::QuestionKind::kPrefix, final), final);
  }
}

}  // namespace
}  // namespace assay::evaluation
