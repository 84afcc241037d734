// How the shortfall of a failure is shared out, and what is claimed of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/signals/play.h"

namespace assay::signals {
namespace {

using blame::Label;
using ::testing::Each;
using testing::Labels;
using testing::Rewards;
using testing::RunOutcome;
using testing::RunTable;
using testing::Say;
using testing::Sum;
using testing::Team;

TEST(Failure, AnAnnotatedErrorCarriesTheShortfall) {
  Episode episode = Team(2);
  for (int i : {0, 1, 0, 1}) Say(episode, i);
  episode.messages[1].first_error = true;
  episode.score = 0;
  const auto signals = RunOutcome(episode, {});
  ASSERT_TRUE(signals.ok()) << signals.status();
  EXPECT_EQ(signals->first_error.first_index, 1);
  EXPECT_EQ(signals->first_error.agent, 1);
  EXPECT_EQ(signals->first_error.tier, blame::Tier::kAnnotation);
  EXPECT_EQ(signals->messages[0].label, Label::kSound);
  EXPECT_EQ(signals->messages[1].label, Label::kFirstError);
  EXPECT_NEAR(Sum(Rewards(*signals)), -1, 1e-12);
  EXPECT_EQ(signals->messages[0].reward, 0);
  EXPECT_LT(signals->messages[1].reward, -0.9);
}

TEST(Failure, WithoutEvidenceNothingIsClaimedAndAllShareAlike) {
  Episode episode = Team(2);
  for (int i : {0, 1, 0, 1}) Say(episode, i);
  episode.score = 0.2;
  const auto signals = RunOutcome(episode, {});
  ASSERT_TRUE(signals.ok());
  EXPECT_FALSE(signals->first_error.first_index.has_value());
  EXPECT_EQ(signals->first_error.tier, blame::Tier::kNone);
  EXPECT_THAT(Labels(*signals), Each(Label::kNeutral));
  EXPECT_THAT(Rewards(*signals), Each(::testing::DoubleNear(-0.2, 1e-12)));
}

TEST(Failure, EverybodyHelpedAndItWasNotEnough) {
  Episode episode = Team(2);
  Say(episode, 0);
  Say(episode, 1);
  episode.score = 0.4;
  const auto signals = RunTable(episode, {}, {0, 0.2, 0.2, 0.4});
  ASSERT_TRUE(signals.ok());
  EXPECT_THAT(Rewards(*signals), Each(::testing::DoubleNear(-0.3, 1e-12)));
  EXPECT_TRUE(signals->conservation.signs_relaxed);
  EXPECT_TRUE(signals->agents[0].signs_relaxed && signals->agents[1].signs_relaxed);
}

TEST(Failure, LuckIsNobodys) {
  Episode episode = Team(1);
  for (int turn = 0; turn < 3; ++turn) {
    Say(episode, 0);
    Say(episode, kContext);
  }
  for (Message& m : episode.messages) m.prefix_value = 0.8;
  episode.score = 0;
  const auto signals = RunOutcome(episode, {});
  ASSERT_TRUE(signals.ok());
  EXPECT_GE(signals->first_error.environment, 0.8);
  EXPECT_NEAR(signals->conservation.unallocated, -signals->first_error.environment, 1e-12);
  EXPECT_LE(signals->conservation.error, 1e-12);
}

TEST(Failure, CreditIsReportedBesideTheBlame) {
  Episode episode = Team(2);
  Say(episode, 0);
  Say(episode, 1);
  episode.score = 0;
  const auto signals = RunTable(episode, {}, {0, 0.6, 0, 0});
  ASSERT_TRUE(signals.ok());
  EXPECT_NEAR(signals->agents[0].credit, 0.3, 1e-12);
  EXPECT_NEAR(signals->agents[1].credit, -0.3, 1e-12);
  EXPECT_LT(signals->agents[1].reward_total, signals->agents[0].reward_total)
      << "negative credit makes agent 1 the suspect";
  EXPECT_NEAR(signals->conservation.target, -1, 1e-12);
}

TEST(Failure, TheReferenceScoreSetsTheShortfall) {
  Episode episode = Team(1);
  Say(episode, 0);
  episode.score = 0.3;
  Options options;
  options.reference_score = 0.45;
  const auto signals = RunOutcome(episode, options);
  ASSERT_TRUE(signals.ok());
  EXPECT_NEAR(signals->conservation.target, -0.15, 1e-12);
  options.reference_score = 0.1;
  EXPECT_EQ(RunOutcome(episode, options)->conservation.target, 0);
}

TEST(Failure, ContextOnlyLeavesTheShortfallUnallocated) {
  Episode episode = Team(1);
  Say(episode, kContext);
  episode.score = 0;
  const auto signals = RunOutcome(episode, {});
  ASSERT_TRUE(signals.ok());
  EXPECT_TRUE(signals->messages.empty());
  EXPECT_EQ(signals->conservation.unallocated, -1);
  EXPECT_EQ(signals->conservation.error, 0);
}

TEST(Failure, ATruncatedEpisodeClaimsNothing) {
  Episode episode = Team(1);
  Say(episode, 0).process_score = 0.9;
  Say(episode, 0).process_score = -0.9;
  episode.score = 0;
  ASSERT_TRUE(RunOutcome(episode, {})->first_error.first_index.has_value());
  episode.truncated = true;
  const auto signals = RunOutcome(episode, {});
  ASSERT_TRUE(signals.ok());
  EXPECT_FALSE(signals->first_error.first_index.has_value());
  EXPECT_THAT(Labels(*signals), Each(Label::kNeutral));
}

TEST(Failure, WhereNothingTellsMessagesApartNobodyIsNamed) {
  Episode episode = Team(2);
  for (int t = 0; t < 4; ++t) Say(episode, t % 2, "");
  episode.score = 0;
  const auto signals = RunOutcome(episode, {});
  ASSERT_TRUE(signals.ok());
  EXPECT_EQ(signals->first_error.agent, -1);
  EXPECT_EQ(signals->first_error.tier, blame::Tier::kNone);
  for (const MessageSignal& m : signals->messages) EXPECT_NEAR(m.reward, -0.25, 1e-12);
}

// The user was the first error: nobody pays, and the place is told.
TEST(Failure, AnAnnotatedMessageOfContextIsTheEnvironments) {
  Episode episode = Team(2);
  Say(episode, 0);
  Say(episode, kContext).first_error = true;
  Say(episode, 1);
  episode.score = 0;
  const auto signals = RunOutcome(episode, {});
  ASSERT_TRUE(signals.ok());
  const FirstError& first = signals->first_error;
  EXPECT_EQ(first.context_index, 1);
  EXPECT_FALSE(first.first_index.has_value());
  EXPECT_EQ(first.agent, -1);
  EXPECT_NEAR(first.environment, 1, 1e-12);
  EXPECT_EQ(first.tier, blame::Tier::kAnnotation);
  for (const MessageSignal& m : signals->messages) EXPECT_NEAR(m.reward, 0, 1e-12);
  EXPECT_NEAR(signals->conservation.unallocated, -1, 1e-12);
}

// Rollouts before and after a tool's reply: that is where success was lost.
TEST(Failure, RolloutsLocateTheEnvironmentsFault) {
  Episode episode = Team(1);
  Say(episode, 0);
  Say(episode, kContext).rollouts = blame::Rollouts{20, 20};
  Say(episode, 0).rollouts = blame::Rollouts{0, 20};
  episode.score = 0;
  const auto signals = RunOutcome(episode, {});
  ASSERT_TRUE(signals.ok());
  EXPECT_EQ(signals->first_error.context_index, 1);
  EXPECT_GT(signals->first_error.environment, 0.9);
}

TEST(Success, ALocatedErrorIsNeverRewardedAndItsRepairNeverPunished) {
  Episode episode = Team(2);
  Say(episode, 0);
  Say(episode, 1).first_error = true;
  Say(episode, 0).repairs = 1;
  Say(episode, 1);
  episode.score = 1;
  const auto signals = RunTable(episode, {}, {0, 0.4, 0.4, 1});
  ASSERT_TRUE(signals.ok()) << signals.status();
  EXPECT_TRUE(signals->success);
  EXPECT_EQ(signals->messages[1].label, Label::kFirstError);
  EXPECT_EQ(signals->messages[2].label, Label::kRepair);
  EXPECT_LE(signals->messages[1].reward, 0);
  EXPECT_GE(signals->messages[2].reward, 0);
  EXPECT_LE(signals->conservation.error, 1e-12);
}

}  // namespace
}  // namespace assay::signals
