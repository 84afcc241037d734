#include "server/evaluation/evaluators/vote_teams.h"

#include <map>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace assay::evaluation {
namespace {

// An election as proto/signals.md#vote-replay tells it.
double Held(const std::vector<int32_t>& ballots) {
  std::map<int32_t, int> votes;
  for (const int32_t ballot : ballots) {
    if (ballot != kNoBallot) ++votes[ballot];
  }
  int most = 0;
  for (const auto& [ballot, count] : votes) most = std::max(most, count);
  int tied = 0;
  bool right = false;
  for (const auto& [ballot, count] : votes) {
    if (count != most) continue;
    ++tied;
    right = right || ballot == kRightBallot;
  }
  return right ? 1.0 / tied : 0;
}

TEST(RightShare, SharesTies) {
  EXPECT_EQ(RightShare({}), 0);
  EXPECT_EQ(RightShare({kNoBallot, kNoBallot}), 0);
  EXPECT_EQ(RightShare({kRightBallot}), 1);
  EXPECT_EQ(RightShare({kRightBallot, 1}), 0.5);
  EXPECT_EQ(RightShare({2, kRightBallot, 1, kNoBallot}), 1.0 / 3);
  EXPECT_EQ(RightShare({1, kRightBallot, 1}), 0);
  EXPECT_EQ(RightShare({1, kRightBallot, 1, kRightBallot, 2}), 0.5);
}

TEST(MeanRightShares, AgreesWithEveryElectionHeld) {
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    const int members = 1 + static_cast<int>(random() % 8);
    const int agents = 1 + static_cast<int>(random() % 8);
    const int answers = 1 + static_cast<int>(random() % 5);
    std::vector<int32_t> ballots(members * agents);
    for (int32_t& ballot : ballots) {
      ballot = static_cast<int32_t>(random() % (answers + 1)) - 1;
      if (ballot > 1 && round % 2 == 0) ballot += 100;  // numbers need not be dense
    }
    const std::vector<double> means = MeanRightShares(ballots, agents);
    ASSERT_EQ(means.size(), ballots.size());
    for (int m = 0; m < members; ++m) {
      for (int i = 0; i < agents; ++i) {
        double sum = 0;
        for (int base = 0; base < members; ++base) {
          std::vector<int32_t> team(ballots.begin() + base * agents,
                                    ballots.begin() + (base + 1) * agents);
          team[i] = ballots[m * agents + i];
          EXPECT_EQ(RightShare(team), Held(team));
          sum += Held(team);
        }
        EXPECT_NEAR(means[m * agents + i], sum / members, 1e-12);
      }
    }
  }
}

TEST(MeanRightShares, DoesNotDependOnTheOrderOfMembers) {
  std::mt19937 random(2);
  const int members = 31, agents = 7;
  std::vector<int32_t> ballots(members * agents), reversed;
  for (int32_t& ballot : ballots) ballot = static_cast<int32_t>(random() % 5) - 1;
  for (int m = members - 1; m >= 0; --m) {
    reversed.insert(reversed.end(), ballots.begin() + m * agents,
                    ballots.begin() + (m + 1) * agents);
  }
  const std::vector<double> forward = MeanRightShares(ballots, agents);
  const std::vector<double> backward = MeanRightShares(reversed, agents);
  for (int m = 0; m < members; ++m) {
    for (int i = 0; i < agents; ++i) {
      EXPECT_EQ(forward[m * agents + i], backward[(members - 1 - m) * agents + i]);
    }
  }
}

}  // namespace
}  // namespace assay::evaluation
