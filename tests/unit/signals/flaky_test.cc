// Environments that fail by infrastructure: what was not rolled out is no evidence.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <utility>

#include "tests/unit/signals/play.h"

namespace assay::signals {
namespace {

using testing::Rewards;
using testing::Say;
using testing::Team;
using testing::Traits;

// Whether the n-th time that a question is asked fails.
using Fails = std::function<bool(const Question&, int n)>;

const absl::Status kNoContainer = absl::UnavailableError("no container");

absl::StatusOr<Signals> RunFlaky(const Episode& episode, const Options& options,
                                 const EvaluatorTraits& traits, const testing::ValueFn& value,
                                 const Fails& fails) {
  Attribution plan(episode, options, traits, {}, {});
  std::map<std::pair<QuestionKind, int>, int> times;
  while (!plan.done()) {
    std::vector<Answer> answers;
    for (const Question& question : plan.ask()) {
      Answer& answer = answers.emplace_back();
      answer.samples = question.samples;
      answer.mean = value(question);
      if (fails(question, times[{question.kind, question.index}]++)) answer.error = kNoContainer;
    }
    if (absl::Status told = plan.tell(answers); !told.ok()) return told;
  }
  return plan.finish();
}

Episode Dialogue(int messages, double score) {
  Episode episode = Team(2);
  for (int t = 0; t < messages; ++t) Say(episode, t % 2);
  episode.score = score;
  return episode;
}

// Lost at message 5.
double ValueOf(const Question& question) {
  if (question.kind == QuestionKind::kCoalition) return question.players.size() / 4.0;
  return question.index <= 5 ? 1.0 : 0.0;
}

const EvaluatorTraits kPaid =
    Traits(EvaluatorKind::kCaller, {QuestionKind::kCoalition, QuestionKind::kPrefix}, false);
const EvaluatorTraits kFree =
    Traits(EvaluatorKind::kCaller, {QuestionKind::kCoalition, QuestionKind::kPrefix}, true);

bool Never(const Question&, int) { return false; }

TEST(FlakyRollouts, AreAskedAgainAndFindTheSameError) {
  const Episode episode = Dialogue(16, 0);
  Options options;
  options.audit = AuditLevel::kFull;
  const auto steady = RunFlaky(episode, options, kPaid, ValueOf, Never);
  // Every third question about a node fails.
  const auto flaky = RunFlaky(episode, options, kPaid, ValueOf, [](const Question& q, int n) {
    return q.kind == QuestionKind::kPrefix && n % 3 == 0;
  });
  ASSERT_TRUE(steady.ok() && flaky.ok()) << steady.status() << flaky.status();
  EXPECT_EQ(flaky->first_error.first_index, 5);
  EXPECT_EQ(flaky->first_error.search_end, steady->first_error.search_end);
  EXPECT_EQ(Rewards(*flaky), Rewards(*steady));
  EXPECT_EQ(steady->failed_rollouts, 0);
  EXPECT_GT(flaky->failed_rollouts, 0);
  EXPECT_EQ(flaky->samples, steady->samples) << "a failure is no sample";
  EXPECT_EQ(flaky->questions, steady->questions + flaky->failed_rollouts);
  EXPECT_THAT(flaky->failed_nodes, ::testing::IsEmpty());
  int recorded = 0;
  for (const AskedQuestion& asked : flaky->asked) recorded += !asked.answer.error.ok();
  EXPECT_EQ(recorded, flaky->failed_rollouts);
}

TEST(FlakyRollouts, ThatNeverComeLocateNothing) {
  const auto signals = RunFlaky(Dialogue(16, 0), {}, kPaid, ValueOf, [](const Question& q, int) {
    return q.kind == QuestionKind::kPrefix;
  });
  ASSERT_TRUE(signals.ok()) << signals.status();
  EXPECT_EQ(signals->first_error.first_index, std::nullopt);
  EXPECT_EQ(signals->first_error.tier, blame::Tier::kNone);
  EXPECT_EQ(signals->first_error.search_end, blame::SearchEnd::kFailures);
  EXPECT_GT(signals->failed_rollouts, 0);
  EXPECT_THAT(signals->failed_nodes, ::testing::Not(::testing::IsEmpty()));
}

TEST(FlakyRollouts, CountAgainstAnExplicitBudget) {
  Options options;
  options.estimator.max_questions = 12;  // of which the four coalitions take theirs
  const auto signals = RunFlaky(
      Dialogue(64, 0), options, kPaid, ValueOf,
      [](const Question& q, int n) { return q.kind == QuestionKind::kPrefix && n % 2 == 0; });
  ASSERT_TRUE(signals.ok()) << signals.status();
  EXPECT_EQ(signals->questions, 12);
}

// Of no other question can anything be said without its answer.
TEST(FlakyRollouts, AnUnknownCoalitionEndsTheEpisode) {
  const auto signals = RunFlaky(Dialogue(16, 0), {}, kPaid, ValueOf, [](const Question& q, int) {
    return q.kind == QuestionKind::kCoalition;
  });
  EXPECT_EQ(signals.status(), kNoContainer);
}

// A success, rewarded by the values of its nodes.
double Climbing(const Question& question) {
  if (question.kind == QuestionKind::kCoalition) return question.players.size() / 2.0;
  return question.index / 8.0;
}

TEST(FlakyPrefixes, AreAskedAgain) {
  const Episode episode = Dialogue(8, 1);
  const auto steady = RunFlaky(episode, {}, kFree, Climbing, Never);
  const auto flaky = RunFlaky(episode, {}, kFree, Climbing, [](const Question& q, int n) {
    return q.kind == QuestionKind::kPrefix && n < q.index % kMaxRolloutFailures;
  });
  ASSERT_TRUE(steady.ok() && flaky.ok()) << steady.status() << flaky.status();
  EXPECT_EQ(steady->evidence, EvidenceKind::kPrefix);
  EXPECT_EQ(flaky->evidence, EvidenceKind::kPrefix);
  EXPECT_EQ(Rewards(*flaky), Rewards(*steady));
  EXPECT_EQ(flaky->failed_rollouts, 0 + 1 + 2 + 3 + 4 + 5 + 0 + 1);
  EXPECT_THAT(flaky->failed_nodes, ::testing::IsEmpty());
}

TEST(FlakyPrefixes, WithoutOneNodeOtherEvidenceIsTaken) {
  const Episode episode = Dialogue(8, 1);
  const Fails fails = [](const Question& q, int) {
    return q.kind == QuestionKind::kPrefix && q.index == 3;
  };
  const auto signals = RunFlaky(episode, {}, kFree, Climbing, fails);
  ASSERT_TRUE(signals.ok()) << signals.status();
  EXPECT_EQ(signals->evidence, EvidenceKind::kEqual);
  EXPECT_THAT(signals->failed_nodes, ::testing::ElementsAre(3));
  EXPECT_EQ(signals->failed_rollouts, kMaxRolloutFailures);
  EXPECT_FALSE(signals->messages[2].value_change.has_value());
  EXPECT_FALSE(signals->messages[3].value_change.has_value());
  EXPECT_TRUE(signals->messages[4].value_change.has_value());
  Options options;
  options.message_rewards.evidence = EvidenceKind::kPrefix;
  EXPECT_EQ(RunFlaky(episode, options, kFree, Climbing, fails).status(), kNoContainer)
      << "nothing else takes the place of what was demanded";
}

// A paid evaluator is not asked more than the budget allows.
TEST(FlakyPrefixes, StayWithinTheBudget) {
  Options options;
  options.message_rewards.evidence = EvidenceKind::kPrefix;
  options.estimator.max_questions = 12;  // four coalitions and eight nodes
  const auto signals =
      RunFlaky(Dialogue(8, 1), options, kPaid, Climbing, [](const Question& q, int n) {
        return q.kind == QuestionKind::kPrefix && q.index == 3 && n == 0;
      });
  EXPECT_EQ(signals.status(), kNoContainer);
}

}  // namespace
}  // namespace assay::signals
