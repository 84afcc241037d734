// The outcome part of an advantage: broadcast, with a control variate, or recombined.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "server/signals/advantages.h"
#include "tests/unit/signals/compute_advantages.h"
#include "tests/unit/signals/groups.h"

namespace assay::signals {
namespace {

using ::testing::DoubleNear;
using ::testing::Each;
using ::testing::ElementsAre;
using testing::Played;
using testing::Pointers;
using ::testing::Pointwise;
using testing::Said;

TEST(Advantages, WorkedExampleE9) {
  const GroupAdvantages outcome = Compute(E9(), Exactly(OutcomePart::kOutcome));
  for (const int agent : {0, 1}) {
    EXPECT_THAT(OfAgent(outcome, agent), Pointwise(DoubleNear(kDigits), {1, -1, 1, -1}));
  }
  const GroupAdvantages control = Compute(E9(), Exactly(OutcomePart::kControl));
  EXPECT_THAT(OfAgent(control, 0),
              Pointwise(DoubleNear(kDigits), {.047619, -.047619, .047619, -.047619}));
  EXPECT_THAT(OfAgent(control, 1), Pointwise(DoubleNear(kDigits), {1, -1, 1, -1}));
  EXPECT_EQ(control.members[0].outcome, outcome.members[0].outcome);
  EXPECT_EQ(control.members[0].advantage, control.members[0].by_agent);
}

// Q is the worth of each agent of each episode, episode by episode.
GroupAdvantages Recombine(const std::vector<GroupMember>& members, const std::vector<double>& q,
                          const AdvantageOptions& options, const std::vector<double>& noise = {}) {
  const auto result = ComputeAdvantages(Pointers(members), options, {q, noise});
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? *result : GroupAdvantages();
}

TEST(Advantages, WorkedExampleE10) {
  const std::vector<double> q = {.5, 0, 0, 0, .5, 0, 0, 0};
  const GroupAdvantages group = Recombine(E9(), q, Exactly(OutcomePart::kRecombined));
  EXPECT_EQ(group.outcome_part, OutcomePart::kRecombined);
  EXPECT_THAT(OfAgent(group, 0), Pointwise(DoubleNear(kDigits), {1, -1, 1, -1}));
  EXPECT_THAT(OfAgent(group, 1), Each(0.0));
  // It is the best part that there is, also where every episode failed.
  std::vector<GroupMember> failed = E9();
  for (GroupMember& member : failed) member.score = 0;
  AdvantageOptions any = Exactly(OutcomePart::kAuto);
  EXPECT_EQ(OfAgent(Recombine(failed, q, any), 0), OfAgent(group, 0));
  any.scale = OutcomeScale::kSample;
  EXPECT_NEAR(OfAgent(Recombine(failed, q, any), 0)[0], std::sqrt(.75), kDigits);
  any.scale = OutcomeScale::kNone;
  EXPECT_THAT(OfAgent(Recombine(failed, q, any), 0), ElementsAre(.25, -.25, .25, -.25));
}

// As far as what the teams say is noise, CONTROL stands for it.
TEST(Advantages, NoisyTeamsCountLess) {
  const std::vector<double> q = {.5, .5, 0, .25, .5, .25, 0, 0};
  std::vector<double> noise(8, .0125);
  for (const size_t p : {1, 3, 5, 7}) noise[p] = .05;  // of agent 1, whose spread is .03125
  const AdvantageOptions options = Exactly(OutcomePart::kRecombined);
  const GroupAdvantages exact = Recombine(E9(), q, options);
  EXPECT_EQ(OfAgent(Recombine(E9(), q, options, std::vector<double>(8, 0)), 0), OfAgent(exact, 0));
  const GroupAdvantages control = Compute(E9(), Exactly(OutcomePart::kControl));
  const GroupAdvantages noisy = Recombine(E9(), q, options, noise);
  EXPECT_EQ(noisy.outcome_part, OutcomePart::kRecombined);
  for (int e = 0; e < 4; ++e) {
    // The spread of agent 0 is .0625: four fifths of it are none of the noise.
    EXPECT_NEAR(OfAgent(noisy, 0)[e], .8 * OfAgent(exact, 0)[e] + .2 * OfAgent(control, 0)[e],
                1e-9);
    EXPECT_NEAR(OfAgent(noisy, 1)[e], OfAgent(control, 1)[e], 1e-9) << "nothing but noise";
  }
  // Where all teams are worth the same but for noise there is nothing else to go by.
  EXPECT_EQ(OfAgent(Recombine(E9(), std::vector<double>(8, .5), options, noise), 1),
            OfAgent(control, 1));
  std::vector<GroupMember> unknown = E9();
  unknown[0].agents[0].value_without.reset();
  EXPECT_EQ(OfAgent(Recombine(unknown, q, options, noise), 1),
            OfAgent(Compute(unknown, Exactly(OutcomePart::kOutcome)), 1));
}

TEST(Advantages, WhoSaysNothingIsNoPeer) {
  const double silent = std::nan("");
  const std::vector<double> q = {1, 0, .5, 0, silent, 0, silent, 0};
  const GroupAdvantages group = Recombine(E9(), q, Exactly(OutcomePart::kRecombined));
  EXPECT_THAT(OfAgent(group, 0), Pointwise(DoubleNear(kDigits), {1, -1, 0, 0}));
}

TEST(Advantages, TheSampleScaleIsThatOfTorch) {
  AdvantageOptions options;
  options.scale = OutcomeScale::kSample;
  // std of (1, 0, 0) with n - 1 = sqrt(1/3).
  EXPECT_NEAR(Compute({Played(1), Played(0), Played(0)}, options).members[0].outcome,
              (2.0 / 3) / (std::sqrt(1.0 / 3) + 1e-6), 1e-12);
}

TEST(Advantages, ScaleNoneKeepsTheUnitOfTheValue) {
  AdvantageOptions options = Exactly(OutcomePart::kControl, CreditPart::kCredit);
  options.scale = OutcomeScale::kNone;
  options.range = 10;
  std::vector<GroupMember> members = {Played(10), Played(5)};
  const double without[] = {8, 2};
  for (const int e : {0, 1}) {
    members[e].owen_values = true;
    members[e].agents[0].value_without = without[e];
    Said(members[e], 0).credit = 4 * e;
  }
  const GroupAdvantages result = Compute(members, options);
  // In tenths: deviations of y .25, of w .3; beta = .15 / (.18 + .05).
  EXPECT_NEAR(result.members[0].by_agent[0], 10 * (.25 - .15 / .23 * .3), 1e-12);
  EXPECT_DOUBLE_EQ(result.members[0].outcome, 2.5);
  EXPECT_THAT(Locals(result), ElementsAre(-2, 2));

  options.credit = CreditPart::kScores;
  members[0].messages[0].process_score = -1;
  EXPECT_THAT(Locals(Compute(members, options)), ElementsAre(-5, 0)) << "half the range";

  options.credit = CreditPart::kValues;
  members[0].messages[0].value_change = 7;
  members[1].messages[0].value_change = -0.5;
  EXPECT_THAT(Locals(Compute(members, options)), ElementsAre(7, -0.5));
}

TEST(Advantages, EqualScoresAndLoneMembersHaveNoOutcomePart) {
  std::vector<GroupMember> same;
  for (int e = 0; e < 7; ++e) {
    same.push_back(Played(0.1, 2));
    same.back().agents[0].value_without = 0.01 * e;
    same.back().agents[1].value_without = 0.05;
  }
  for (const OutcomePart part : {OutcomePart::kOutcome, OutcomePart::kControl}) {
    for (const auto& group : {same, {same.front()}}) {
      for (const MemberAdvantages& m : Compute(group, Exactly(part)).members) {
        EXPECT_EQ(m.outcome, 0);
        EXPECT_THAT(m.by_agent, Each(0));
      }
    }
  }
  EXPECT_TRUE(Compute({}).members.empty());
}

TEST(Advantages, AgentsOfOnePolicyAreComparedWithEachOther) {
  std::vector<GroupMember> group = {Played(1, 2), Played(0, 2)};
  const double without[][2] = {{1, 0}, {0, 0}};
  for (const int e : {0, 1}) {
    for (const int i : {0, 1}) {
      group[e].agents[i].policy = "shared";
      group[e].agents[i].credit = i;
      group[e].agents[i].value_without = without[e][i];
      Said(group[e], i).credit = i;
    }
  }
  const GroupAdvantages result =
      Compute(group, Exactly(OutcomePart::kControl, CreditPart::kCredit));
  EXPECT_THAT(Locals(result), Pointwise(DoubleNear(kDigits), {-1, 1, -1, 1}));
  // Four pairs: w (1, 0, 0, 0) with mean 1/4, S_yw = 1/2, S_ww = 3/4.
  const double beta = .5 / (.75 + .05);
  EXPECT_THAT(result.members[0].by_agent,
              ElementsAre(DoubleNear(1 - beta * 1.5, kDigits), DoubleNear(1 + beta / 2, kDigits)));
  EXPECT_THAT(result.members[1].by_agent, Each(DoubleNear(-1 + beta / 2, kDigits)));
}

}  // namespace
}  // namespace assay::signals
