// What the blame of a failure is asked about and rests on: which evidence, and how much of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/blame/text/mixed_prior.h"
#include "tests/unit/signals/play.h"

namespace assay::signals {
namespace {

using ::testing::Each;
using testing::Rewards;
using testing::RunOutcome;
using testing::Say;
using testing::Sum;
using testing::Team;
using testing::Traits;

TEST(Failure, ScoresOfZeroAreNoEvidence) {
  Episode plain = Team(2);
  for (int i : {0, 1, 0}) Say(plain, i);
  plain.score = 0;
  Episode scored = plain;
  for (Message& m : scored.messages) m.process_score = 0;
  const auto a = RunOutcome(plain, {});
  const auto b = RunOutcome(scored, {});
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_FALSE(b->first_error.first_index.has_value());
  for (size_t t = 0; t < 3; ++t) {
    EXPECT_NEAR(a->messages[t].first_error, b->messages[t].first_error, 1e-12);
    EXPECT_NEAR(a->messages[t].reward, b->messages[t].reward, 1e-12);
  }
}

TEST(Failure, SaysWhatTheBlameRestsOn) {
  Episode episode = Team(2);
  for (int i : {0, 1, 0}) Say(episode, i);
  episode.score = 0;
  EXPECT_EQ(RunOutcome(episode, {})->evidence, EvidenceKind::kEqual);
  episode.messages[1].process_score = -0.9;
  EXPECT_EQ(RunOutcome(episode, {})->evidence, EvidenceKind::kScores);
  episode.messages[1].prefix_value = 0.9;
  episode.messages[2].prefix_value = 0;
  EXPECT_EQ(RunOutcome(episode, {})->evidence, EvidenceKind::kPrefix);
}

// Two agents of two messages each, of which only the last of agent 1 is any good.
Episode LostTalk() {
  Episode episode = Team(2);
  for (int i : {0, 1, 0, 1}) Say(episode, i);
  episode.score = 0;
  return episode;
}

double WorthOfLast(const Question& question) {
  if (question.kind == QuestionKind::kCoalition) return question.coalition() == 2 ? 0.4 : 0;
  return question.players.contains(3) && !question.players.contains(0) ? 0.4 : 0;
}

const std::vector<QuestionKind> kOfMessages = {QuestionKind::kCoalition, QuestionKind::kMessages};

TEST(Failure, MessagesAreAskedAboutAsInASuccess) {
  int asked = 0;
  const auto signals = testing::RunWith(LostTalk(), {}, Traits(EvaluatorKind::kCaller, kOfMessages),
                                        WorthOfLast, {}, {}, &asked);
  ASSERT_TRUE(signals.ok()) << signals.status();
  EXPECT_EQ(asked, 4 + 4 + 2 * 2 * 2);
  EXPECT_EQ(signals->questions, asked);
  EXPECT_EQ(signals->evidence, EvidenceKind::kOwen);
  EXPECT_GT(signals->messages[3].reward, 0);
  EXPECT_NEAR(signals->messages[1].reward, signals->messages[2].reward, 1e-12);
  EXPECT_LT(signals->messages[0].reward, signals->messages[1].reward);
  EXPECT_NEAR(Sum(Rewards(*signals)), -1, 1e-12);
}

TEST(Failure, OwenValuesTakeWhatTheSearchLeavesOfTheBudget) {
  Episode episode = Team(2);
  for (int t = 0; t < 8; ++t) Say(episode, t % 2);
  episode.score = 0;
  const EvaluatorTraits paid =
      Traits(EvaluatorKind::kCaller,
             {QuestionKind::kCoalition, QuestionKind::kMessages, QuestionKind::kPrefix}, false);
  const auto run = [&](int budget, EvidenceKind evidence) {
    Options options;
    options.estimator.max_questions = budget;
    options.message_rewards.evidence = evidence;
    int asked = 0;
    const auto value = [](const Question& q) {
      return q.kind == QuestionKind::kPrefix && q.index <= 3 ? 1.0 : 0.0;
    };
    auto signals = testing::RunWith(episode, options, paid, value, {}, {}, &asked);
    EXPECT_LE(asked, budget);
    return signals;
  };
  EXPECT_EQ(run(12, EvidenceKind::kAuto)->first_error.first_index, 3);
  const auto both = run(100, EvidenceKind::kAuto);
  ASSERT_TRUE(both.ok());
  EXPECT_EQ(both->first_error.first_index, 3);
  EXPECT_GT(both->questions, 4 + 60) << "60 of the messages, and the search";
  // On demand messages come first.
  const auto owen = run(64, EvidenceKind::kOwen);
  ASSERT_TRUE(owen.ok());
  EXPECT_EQ(owen->evidence, EvidenceKind::kOwen);
  EXPECT_FALSE(owen->first_error.first_index.has_value());
}

TEST(Failure, EvidenceIsHonouredOrMissed) {
  const auto run = [](const Episode& episode, EvidenceKind evidence,
                      const EvaluatorTraits& traits) {
    Options options;
    options.message_rewards.evidence = evidence;
    return testing::RunWith(episode, options, traits, WorthOfLast);
  };
  const EvaluatorTraits messages = Traits(EvaluatorKind::kCaller, kOfMessages);
  const EvaluatorTraits coalitions = Traits(EvaluatorKind::kCaller, {QuestionKind::kCoalition});
  Episode plain = LostTalk();
  for (const EvidenceKind missing :
       {EvidenceKind::kOwen, EvidenceKind::kPrefix, EvidenceKind::kScores}) {
    const auto signals = run(plain, missing, coalitions);
    EXPECT_EQ(signals.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(signals.status().message()),
                ::testing::HasSubstr("message_rewards.evidence: "));
  }
  EXPECT_GT(run(plain, EvidenceKind::kOwen, messages)->messages[3].reward, 0);
  const auto equal = run(plain, EvidenceKind::kEqual, messages);
  EXPECT_THAT(Rewards(*equal), Each(::testing::DoubleNear(-0.25, 1e-12)));
  EXPECT_EQ(equal->evidence, EvidenceKind::kEqual);
  plain.messages[1].process_score = -0.2;
  plain.messages[2].prefix_value = 0.1;
  for (const EvidenceKind there : {EvidenceKind::kScores, EvidenceKind::kPrefix}) {
    const auto signals = run(plain, there, coalitions);
    ASSERT_TRUE(signals.ok()) << signals.status();
    EXPECT_EQ(signals->evidence, there);
  }
}

TEST(Failure, AVoteGradesItsMessagesOnDemand) {
  Options options;
  options.message_rewards.evidence = EvidenceKind::kScores;
  const auto signals = testing::RunWith(
      LostTalk(), options,
      Traits(EvaluatorKind::kVote, {QuestionKind::kCoalition, QuestionKind::kMessageScores}),
      WorthOfLast, {}, {-1, -1, -1, 1});
  ASSERT_TRUE(signals.ok()) << signals.status();
  EXPECT_EQ(signals->evidence, EvidenceKind::kScores);
}

TEST(Failure, ARightAnswerIsNotPunished) {
  const std::vector<AnswerGrade> grades = {AnswerGrade::kWrong, AnswerGrade::kRight,
                                           AnswerGrade::kUnreadable, AnswerGrade::kWrong};
  const auto signals = testing::RunWith(
      LostTalk(), {}, Traits(EvaluatorKind::kVote, {QuestionKind::kCoalition}),
      [](const Question&) { return 0.0; }, {}, {}, nullptr, grades);
  ASSERT_TRUE(signals.ok()) << signals.status();
  EXPECT_EQ(signals->messages[1].grade, AnswerGrade::kRight);
  EXPECT_EQ(signals->messages[1].reward, 0);
  EXPECT_LT(signals->messages[0].reward, 0);
  EXPECT_NEAR(Sum(Rewards(*signals)), -1, 1e-12);
  EXPECT_FALSE(signals->conservation.signs_relaxed);
}

TEST(Failure, NoTrialsDoNotSilenceAPrefixValue) {
  Episode episode = Team(2);
  for (int i : {0, 1, 0}) Say(episode, i);
  episode.score = 0;
  episode.messages[1].prefix_value = 0.9;
  episode.messages[2].prefix_value = 0;
  const auto plain = RunOutcome(episode, {});
  episode.messages[2].rollouts = blame::Rollouts{0, 0};
  const auto empty = RunOutcome(episode, {});
  ASSERT_TRUE(plain.ok() && empty.ok());
  EXPECT_EQ(plain->messages[1].first_error, empty->messages[1].first_error);
}

TEST(Failure, JudgesWhoCancelOutAreNoEvidence) {
  Episode episode = Team(2);
  for (int i : {0, 1, 0}) Say(episode, i);
  episode.score = 0;
  episode.messages[1].judge_scores = {{"strict", -1}, {"mild", 1}};
  const auto signals = RunOutcome(episode, {});
  ASSERT_TRUE(signals.ok());
  EXPECT_EQ(signals->first_error.tier, blame::Tier::kNone);
}

// Rollouts from node j succeed until the error at message 5 and fail after it.
TEST(Failure, TheSearchFindsTheErrorInFewRollouts) {
  Episode episode = Team(2);
  for (int t = 0; t < 16; ++t) Say(episode, t % 2);
  episode.score = 0;
  const auto value = [](const Question& q) {
    if (q.kind == QuestionKind::kCoalition) return 0.0;
    return q.index <= 5 ? 1.0 : 0.0;
  };
  int asked = 0;
  const auto signals = testing::RunWith(
      episode, {},
      testing::Traits(EvaluatorKind::kNamed, {QuestionKind::kCoalition, QuestionKind::kPrefix}),
      value, {}, {}, &asked);
  ASSERT_TRUE(signals.ok()) << signals.status();
  EXPECT_EQ(signals->first_error.first_index, 5);
  EXPECT_EQ(signals->first_error.tier, blame::Tier::kRollouts);
  EXPECT_LE(asked, 4 + 32);
  EXPECT_NEAR(Sum(Rewards(*signals)), -1, 1e-9);
}

TEST(Failure, AnExplicitBudgetHoldsForTheSearchToo) {
  Episode episode = Team(2);
  for (int t = 0; t < 64; ++t) Say(episode, t % 2);
  episode.score = 0;
  Options options;
  options.estimator.max_questions = 7;
  int asked = 0;
  const auto signals = testing::RunWith(
      episode, options,
      testing::Traits(EvaluatorKind::kNamed, {QuestionKind::kCoalition, QuestionKind::kPrefix}),
      [](const Question&) { return 0.0; }, {}, {}, &asked);
  ASSERT_TRUE(signals.ok()) << signals.status();
  EXPECT_LE(asked, 7);
  EXPECT_EQ(signals->questions, asked);
}

TEST(Failure, AVoteAtAPrefixIsNoRollout) {
  Episode episode = Team(1);
  Say(episode, 0);
  episode.score = 0;
  const auto signals = testing::RunWith(
      episode, {},
      testing::Traits(EvaluatorKind::kVote, {QuestionKind::kCoalition, QuestionKind::kPrefix}),
      [](const Question& q) {
        EXPECT_NE(q.kind, QuestionKind::kPrefix);
        return 0.0;
      });
  ASSERT_TRUE(signals.ok());
}

TEST(Failure, AFittedPriorIsEvidenceOfTheTextTier) {
  Episode episode = Team(1);
  Say(episode, 0, "all fine so far");
  Say(episode, 0, "Traceback: error, execution failed");
  episode.score = 0;
  auto prior = std::make_shared<blame::MixedPrior>();
  prior->everywhere.features = {blame::FeatureNames()[0]};
  prior->everywhere.weights = {0.0};
  Options options;
  options.first_error.prior = prior;
  const auto signals = RunOutcome(episode, options);
  ASSERT_TRUE(signals.ok());
  EXPECT_EQ(signals->first_error.tier, blame::Tier::kText);
  EXPECT_EQ(signals->first_error.prior_used, blame::PriorUsed::kStated);
  EXPECT_EQ(signals->first_error.agent, 0);
}

}  // namespace
}  // namespace assay::signals
