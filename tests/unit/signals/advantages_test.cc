#include "server/signals/advantages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace assay::signals {
namespace {

using ::testing::DoubleNear;
using ::testing::Each;

GroupMember Member(double score, std::vector<MemberMessage> messages, int agents = 1) {
  GroupMember member;
  member.score = score;
  static constexpr const char* kNames[] = {"p0", "p1", "p2"};
  for (int i = 0; i < agents; ++i) member.policies.push_back(kNames[i]);
  member.messages = std::move(messages);
  return member;
}

TEST(Advantages, WorkedExampleE5) {
  AdvantageOptions options;
  options.blend = 0;
  const std::vector<GroupMember> group = {Member(1, {{0, 0.7}, {0, 0.3}}),
                                          Member(0, {{0, -0.9}, {0, -0.1}})};
  const GroupAdvantages result = ComputeAdvantages(group, options);
  EXPECT_THAT(result.members[0].advantage, Each(DoubleNear(1, 1e-5)));
  EXPECT_THAT(result.members[1].advantage, Each(DoubleNear(-1, 1e-5)));
  EXPECT_EQ(result.mean_score, 0.5);
  EXPECT_EQ(result.std_score, 0.5);
}

TEST(Advantages, TheSampleScaleIsThatOfTorch) {
  AdvantageOptions options;
  options.scale = OutcomeScale::kSample;
  const std::vector<GroupMember> group = {Member(1, {{0, 1}}), Member(0, {{0, -1}}),
                                          Member(0, {{0, -1}})};
  // std of (1, 0, 0) with n - 1 = sqrt(1/3).
  EXPECT_NEAR(ComputeAdvantages(group, options).members[0].outcome,
              (2.0 / 3) / (std::sqrt(1.0 / 3) + 1e-6), 1e-12);
}

TEST(Advantages, ScaleNoneOnlyCentres) {
  AdvantageOptions options;
  options.scale = OutcomeScale::kNone;
  const std::vector<GroupMember> group = {Member(1, {{0, 1}}), Member(0.5, {{0, 1}})};
  EXPECT_DOUBLE_EQ(ComputeAdvantages(group, options).members[0].outcome, 0.25);
}

TEST(Advantages, EqualScoresAndLoneMembersHaveNoOutcomePart) {
  const AdvantageOptions options;
  EXPECT_EQ(ComputeAdvantages({Member(0.1, {{0, 1}})}, options).members[0].outcome, 0);
  std::vector<GroupMember> same(7, Member(0.1, {{0, 1}}));
  for (const MemberAdvantages& m : ComputeAdvantages(same, options).members) {
    EXPECT_EQ(m.outcome, 0);
  }
  EXPECT_TRUE(ComputeAdvantages({}, options).members.empty());
}

TEST(Advantages, LocalPartRanksMessagesWithinAnEpisode) {
  AdvantageOptions options;
  options.blend = 1;
  const std::vector<GroupMember> group = {Member(1, {{0, 0.9}, {0, 0.1}}), Member(1, {{0, 1.0}})};
  const GroupAdvantages result = ComputeAdvantages(group, options);
  // Numerators 2 * .9 - 1, 2 * .1 - 1, 1 - 1; rms sqrt(1.28 / 3).
  const double rms = std::sqrt(1.28 / 3) + 1e-6;
  EXPECT_NEAR(result.members[0].advantage[0], 0.8 / rms, 1e-12);
  EXPECT_NEAR(result.members[0].advantage[1], -0.8 / rms, 1e-12);
  EXPECT_NEAR(result.members[1].advantage[0], 0, 1e-12);
}

TEST(Advantages, ClippedAtFive) {
  AdvantageOptions options;
  options.blend = 1;
  std::vector<GroupMember> group(200, Member(0, {{0, 0.0}}));
  group.push_back(Member(1, {{0, 1.0}}));
  EXPECT_EQ(ComputeAdvantages(group, options).members.back().local[0], 5);
}

// Was 0 / 0 once (found by fuzzing): epsilon is a share of the range, and of a tiny one it is 0.
TEST(Advantages, NoDeviationIsNoAdvantageEvenWithoutAnEpsilon) {
  AdvantageOptions options;
  options.epsilon = 0;
  const std::vector<GroupMember> group = {Member(0, {{0, 0.0}}), Member(5e-324, {{0, 0.0}})};
  for (const MemberAdvantages& member : ComputeAdvantages(group, options).members) {
    EXPECT_THAT(member.local, Each(0));
  }
}

TEST(Advantages, AgentsOfOnePolicyAreNormalisedTogether) {
  AdvantageOptions options;
  options.blend = 1;
  GroupMember member = Member(1, {{0, 1.0}, {1, 0.0}}, 2);
  member.policies = {"shared", "shared"};
  const GroupAdvantages result = ComputeAdvantages({member}, options);
  EXPECT_NEAR(result.members[0].local[0], 1, 1e-5);
  EXPECT_NEAR(result.members[0].local[1], -1, 1e-5);
}

TEST(Advantages, TheOrderOfMembersChangesNoBit) {
  std::mt19937_64 rng(7);
  std::uniform_real_distribution<double> uniform(-1, 1);
  std::vector<GroupMember> group;
  for (int e = 0; e < 20; ++e) {
    std::vector<MemberMessage> messages;
    for (int t = 0; t < 1 + e % 4; ++t) messages.push_back({t % 2, uniform(rng)});
    group.push_back(Member(uniform(rng), messages, 2));
  }
  const GroupAdvantages forward = ComputeAdvantages(group, {});
  std::vector<GroupMember> backward(group.rbegin(), group.rend());
  const GroupAdvantages reversed = ComputeAdvantages(backward, {});
  for (size_t e = 0; e < group.size(); ++e) {
    EXPECT_EQ(forward.members[e].advantage, reversed.members[group.size() - 1 - e].advantage);
  }
}

// The length-bias toy: a policy that says the same in one message or in many must not drift towards
// either. The expected sum of local advantages must not depend on the split.
TEST(Advantages, SplittingCreditOverMoreMessagesCausesNoDrift) {
  AdvantageOptions options;
  options.blend = 1;
  std::mt19937_64 rng(11);
  std::normal_distribution<double> noise(0, 1);
  double drift = 0;
  int episodes = 0;
  for (int trial = 0; trial < 2000; ++trial) {
    std::vector<GroupMember> group;
    std::vector<int> lengths;
    for (int e = 0; e < 8; ++e) {
      const double credit = noise(rng);
      const int length = 1 + static_cast<int>(rng() % 8);
      group.push_back(Member(0, std::vector<MemberMessage>(length, {0, credit / length})));
      lengths.push_back(length);
    }
    const GroupAdvantages result = ComputeAdvantages(group, options);
    for (size_t e = 0; e < group.size(); ++e) {
      // The gradient of log P(length) that a policy would follow: advantage times (length - mean).
      drift += result.members[e].local[0] * (lengths[e] - 4.5);
      ++episodes;
    }
  }
  // Standard error of the mean: 2.29 / sqrt(16000) = .018; .01 per message of length spread.
  EXPECT_LT(std::abs(drift / episodes) / 2.29, 0.02);
}

}  // namespace
}  // namespace assay::signals
