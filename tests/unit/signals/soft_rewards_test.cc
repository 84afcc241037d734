// Rewards that mix over the places of the error.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/signals/play.h"

namespace assay::signals {
namespace {

using testing::Rewards;
using testing::RunOutcome;
using testing::Say;
using testing::Sum;
using testing::Team;

TEST(Failure, SoftRewardsConserveTheShortfall) {
  Episode episode = Team(2);
  for (double q : {0.9, 0.5, -0.8, -0.2, 0.1}) Say(episode, 0).process_score = q;
  episode.score = 0;
  Options options;
  options.first_error.soft_rewards = true;
  const auto signals = RunOutcome(episode, options);
  ASSERT_TRUE(signals.ok()) << signals.status();
  EXPECT_NEAR(Sum(Rewards(*signals)), -1, 1e-9);
  for (int t = 0; t < 600; ++t) Say(episode, 1);
  EXPECT_EQ(RunOutcome(episode, options).status().code(), absl::StatusCode::kOutOfRange);
}

TEST(Failure, SoftRewardsAreOfferedUpTo512Messages) {
  Episode episode = Team(2);
  for (int t = 0; t < 512; ++t) Say(episode, t % 2, "");
  episode.score = 0;
  Options options;
  options.first_error.soft_rewards = true;
  EXPECT_TRUE(RunOutcome(episode, options).ok());
  Say(episode, 0, "");
  const auto signals = RunOutcome(episode, options);
  EXPECT_EQ(signals.status().code(), absl::StatusCode::kOutOfRange) << signals.status();
}

}  // namespace
}  // namespace assay::signals
