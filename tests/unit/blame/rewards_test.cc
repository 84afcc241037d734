#include "server/blame/rewards.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "server/credit/projection.h"

namespace assay::blame {
namespace {

using ::testing::DoubleNear;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Pointwise;

constexpr RewardOptions kUnit{.bound = 2, .kappa = 0.5, .reference = 1};

struct Case {
  Evidence evidence;
  Posterior posterior;
  std::vector<Label> labels;
};

Case ExampleE6() {
  Case c;
  c.evidence.authors.assign(5, 0);
  c.evidence.agents = 1;
  c.evidence.scores = {{2, -.6}, {3, .8}};
  c.posterior = ComputePosterior(c.evidence);
  c.posterior.error = {0, .9, .2, 0, 0};
  c.labels = {Label::kSound, Label::kFirstError, Label::kFailureAligned, Label::kRepairAttempt,
              Label::kNeutral};
  return c;
}

TEST(FailureRewards, WorkedExampleE6) {
  const Case c = ExampleE6();
  const RewardProblem p = FailureRewards(c.evidence, c.posterior, c.labels, {}, kUnit);
  EXPECT_EQ(p.target, -1);
  EXPECT_EQ(p.placed, -1);
  EXPECT_FALSE(p.signs_relaxed);
  EXPECT_THAT(p.raw_reward, Pointwise(DoubleNear(1e-12), {0., -.5, -.3, .4, 0.}));
  EXPECT_NEAR(p.weight[1], .91, 1e-12);
  EXPECT_NEAR(p.weight[2], .21, 1e-12);
  EXPECT_NEAR(p.weight[3], .01, 1e-12);
  EXPECT_THAT(p.low, ElementsAre(0, -2, -2, 0, 0));
  EXPECT_THAT(p.high, Pointwise(DoubleNear(1e-12), {0., 0., 0., .4, 0.}));
}

TEST(FailureRewards, AttemptsCannotFarm) {
  Case c = ExampleE6();
  c.labels.assign(5, Label::kRepairAttempt);
  c.labels[0] = Label::kFirstError;
  c.evidence.scores = {{1, 1}, {2, 1}, {3, 1}, {4, 1}};
  const RewardProblem p = FailureRewards(c.evidence, c.posterior, c.labels, {}, kUnit);
  EXPECT_THAT(p.high, Pointwise(DoubleNear(1e-12), {0., .125, .125, .125, .125}));
}

TEST(FailureRewards, RedundantAttemptsEarnLess) {
  Case c = ExampleE6();
  const RewardProblem p =
      FailureRewards(c.evidence, c.posterior, c.labels, {0, 0, .5, .75, 0}, kUnit);
  EXPECT_NEAR(p.raw_reward[3], .1, 1e-12);
  EXPECT_NEAR(p.raw_reward[2], -.3, 1e-12);  // harm is not excused by repetition
}

TEST(FailureRewards, RolloutsGiveTheEvidence) {
  Evidence evidence;
  evidence.authors.assign(2, 0);
  evidence.agents = 1;
  evidence.nodes = {{7, 8}, {0, 8}, {}};
  const Posterior posterior = ComputePosterior(evidence);
  const auto labels = AssignLabels(evidence, posterior);
  ASSERT_EQ(labels[0], Label::kFirstError);
  const RewardProblem p = FailureRewards(evidence, posterior, labels, {}, kUnit);
  EXPECT_NEAR(p.raw_reward[0], posterior.value[1] - posterior.value[0], 1e-12);
}

TEST(FailureRewards, NothingLocatedIsSharedBySuspicion) {
  Evidence evidence;
  evidence.authors = {0, kNobody, 0, 0};
  evidence.agents = 1;
  evidence.scores = {{0, -.1}, {2, .2}};
  const Posterior posterior = ComputePosterior(evidence);
  const auto labels = AssignLabels(evidence, posterior);
  ASSERT_THAT(labels, Each(Label::kNeutral));
  const RewardProblem p = FailureRewards(evidence, posterior, labels, {}, kUnit);
  EXPECT_THAT(p.low, ElementsAre(-2, 0, 0, -2));
  EXPECT_THAT(p.raw_reward, Pointwise(DoubleNear(1e-12), {-.05, 0., .1, 0.}));
  EXPECT_THAT(p.high, Pointwise(DoubleNear(1e-12), {0., 0., .1, 0.}));
  EXPECT_NEAR(p.weight[0], posterior.first[0] + .01 / 3, 1e-12);
  EXPECT_EQ(p.placed, -(1 - posterior.environment));
}

TEST(FailureRewards, NobodyToBlame) {
  Evidence evidence;
  evidence.authors = {kNobody, kNobody};
  const Posterior posterior = ComputePosterior(evidence);
  const RewardProblem p =
      FailureRewards(evidence, posterior, AssignLabels(evidence, posterior), {}, kUnit);
  EXPECT_EQ(p.target, -1);
  EXPECT_THAT(p.low, Each(0));
  EXPECT_FALSE(p.signs_relaxed);
}

// What a problem of failures leads to: the rewards, and what of the target stays unallocated.
struct Shared {
  std::vector<double> rewards;
  double unallocated;
};
Shared Solve(const RewardProblem& p) {
  const double least = std::accumulate(p.low.begin(), p.low.end(), 0.0);
  const double placed = std::max(p.placed, least);
  const auto projection = credit::Project(p.raw_reward, p.weight, p.low, p.high, placed);
  return {projection.value().values, p.target - placed};
}

// A failure without a claim of `messages` messages, each by an agent of its own.
Case Unlocated(int messages) {
  Case c;
  for (int t = 0; t < messages; ++t) c.evidence.authors.push_back(t);
  c.evidence.agents = messages;
  c.posterior = ComputePosterior(c.evidence);
  c.labels.assign(messages, Label::kNeutral);
  return c;
}

TEST(FailureRewards, WorkedExampleE14LostDebate) {
  Case c = Unlocated(3);
  c.evidence.message_credit = {-.25, .5, -.25};
  const Shared s = Solve(FailureRewards(c.evidence, c.posterior, c.labels, {}, kUnit));
  EXPECT_THAT(s.rewards, Pointwise(DoubleNear(1e-6), {-.75, .5, -.75}));
  EXPECT_EQ(s.unallocated, 0);
}

TEST(FailureRewards, WorkedExampleE15NothingKnown) {
  const Case c = Unlocated(4);
  const Shared s = Solve(FailureRewards(c.evidence, c.posterior, c.labels, {}, kUnit));
  EXPECT_THAT(s.rewards, Pointwise(DoubleNear(1e-12), {-.25, -.25, -.25, -.25}));
}

TEST(FailureRewards, WorkedExampleE16AnInnocentHelped) {
  Case c = Unlocated(4);
  c.evidence.scores = {{1, -1}};  // blame (0, -.5, 0, 0), of which the label alone makes use
  c.evidence.message_credit = {.2, -.4, 0, .2};
  c.posterior.error = {0, 1, .1, 0};
  c.labels = {Label::kSound, Label::kFirstError, Label::kFailureAligned, Label::kNeutral};
  const Shared s = Solve(FailureRewards(c.evidence, c.posterior, c.labels, {}, kUnit));
  EXPECT_THAT(s.rewards, Pointwise(DoubleNear(1e-6), {.195614, -1.342982, -.048246, .195614}));
}

TEST(FailureRewards, WorkedExampleE17Luck) {
  Case c = Unlocated(3);
  c.posterior.tier = Tier::kRollouts;
  c.posterior.first = c.posterior.error = {.05, .05, .1};
  c.posterior.environment = .8;
  const Shared s = Solve(FailureRewards(c.evidence, c.posterior, c.labels, {}, kUnit));
  EXPECT_THAT(s.rewards, Pointwise(DoubleNear(1e-6), {-.050794, -.050794, -.098413}));
  EXPECT_NEAR(s.unallocated, -.8, 1e-12);
  // Luck is not claimed by texts, or by nothing.
  for (const Tier tier : {Tier::kNone, Tier::kText}) {
    c.posterior.tier = tier;
    EXPECT_EQ(FailureRewards(c.evidence, c.posterior, c.labels, {}, kUnit).placed, -1);
  }
}

TEST(FailureRewards, WorkedExampleE18EverybodyHelped) {
  Case c = Unlocated(2);
  c.evidence.score = .4;
  c.evidence.message_credit = {.2, .2};
  const RewardProblem p = FailureRewards(c.evidence, c.posterior, c.labels, {}, kUnit);
  EXPECT_TRUE(p.signs_relaxed);
  EXPECT_THAT(Solve(p).rewards, Pointwise(DoubleNear(1e-12), {-.3, -.3}));
}

TEST(FailureRewards, ARightAnswerIsNotPunished) {
  Case c = Unlocated(3);
  c.evidence.grades = {Grade::kWrong, Grade::kRight, Grade::kUnreadable};
  c.evidence.message_credit = {-.5, 0, .1};  // outvoted, and by what it was worth not to be told
  RewardProblem p = FailureRewards(c.evidence, c.posterior, c.labels, {}, kUnit);
  EXPECT_THAT(p.low, ElementsAre(-2, 0, 0));
  EXPECT_EQ(p.high[1], 0);
  c.labels[0] = Label::kFirstError;
  c.evidence.message_credit[1] = -.2;
  p = FailureRewards(c.evidence, c.posterior, c.labels, {}, kUnit);
  EXPECT_EQ(p.low[1], 0);
  c.labels[1] = Label::kError;  // by an annotation
  EXPECT_EQ(FailureRewards(c.evidence, c.posterior, c.labels, {}, kUnit).low[1], -2);
}

TEST(FailureRewards, ABasisTakesNothingElse) {
  Case c = ExampleE6();
  c.evidence.message_credit = {.1, -.2, .1, -.1, .1};
  const auto evidence = [&](Basis basis) {
    RewardOptions options = kUnit;
    options.basis = basis;
    return FailureRewards(c.evidence, c.posterior, c.labels, {}, options).raw_reward;
  };
  EXPECT_THAT(evidence(Basis::kCredit), Pointwise(DoubleNear(1e-12), {.1, -.2, .1, -.1, .1}));
  EXPECT_THAT(evidence(Basis::kScores), Pointwise(DoubleNear(1e-12), {0., -.5, -.3, .4, 0.}));
  EXPECT_THAT(evidence(Basis::kNothing), Each(0));
  const std::vector<double>& v = c.posterior.value;
  EXPECT_NEAR(evidence(Basis::kValues)[1], v[2] - v[1], 1e-12);
  EXPECT_THAT(evidence(Basis::kAll), Pointwise(DoubleNear(1e-12), {.1, -.7, -.2, .3, .1}));
}

TEST(FailureRewards, WhatDoesNotFitStaysUnallocated) {
  Case c = Unlocated(2);
  c.labels = {Label::kRepair, Label::kSound};
  const Shared s = Solve(FailureRewards(c.evidence, c.posterior, c.labels, {}, kUnit));
  EXPECT_THAT(s.rewards, Each(0));
  EXPECT_EQ(s.unallocated, -1);
}

TEST(FailureRewards, BetterThanTheReferenceIsNoShortfall) {
  Case c = ExampleE6();
  c.evidence.score = .4;
  const RewardProblem p = FailureRewards(c.evidence, c.posterior, c.labels, {},
                                         {.bound = 2, .kappa = 0.5, .reference = .3});
  EXPECT_EQ(p.target, 0);
  EXPECT_THAT(p.high, Each(0));
}

// A pass for each pair of rates, each component and each node would take ten seconds.
TEST(SoftFailureRewards, ComponentsOfALongEpisodeShareNoLevels) {
  const auto weight_of_second = [](int messages, double shared_level) {
    Evidence evidence;
    evidence.authors.assign(messages, 0);
    evidence.agents = 1;
    evidence.nodes.resize(messages + 1);
    for (int j = 0; j < messages; j += 8) evidence.nodes[j] = {j < 24 ? 6. : 0., 8};
    const auto mixture =
        SoftFailureRewards(evidence, {.shared_level = shared_level}, {}, {}, kUnit);
    return mixture[1].problem.weight[1];
  };
  EXPECT_NE(weight_of_second(32, 1), weight_of_second(32, 0));
  EXPECT_EQ(weight_of_second(160, 1), weight_of_second(160, 0));
}

TEST(SoftFailureRewards, ComponentsAreTheMixture) {
  Evidence evidence;
  evidence.authors = {0, 0, kNobody, 0};
  evidence.agents = 1;
  evidence.scores = {{1, -.5}, {3, -.2}};
  const auto mixture = SoftFailureRewards(evidence, {}, {}, {}, kUnit);
  const Posterior posterior = ComputePosterior(evidence);
  ASSERT_EQ(mixture.size(), 5);
  EXPECT_EQ(mixture[1].probability, posterior.first[1]);
  EXPECT_EQ(mixture[3].probability, posterior.environment);
  EXPECT_EQ(mixture[3].problem.placed, 0);
  EXPECT_NEAR(mixture[4].probability, posterior.none, 1e-12);
  double sum = 0;
  for (const auto& component : mixture) {
    sum += component.probability;
    EXPECT_EQ(component.problem.target, -1);
  }
  EXPECT_NEAR(sum, 1, 1e-12);
  EXPECT_LT(mixture[1].problem.low[1], 0);
  EXPECT_EQ(mixture[1].problem.low[0], 0);
}

TEST(SoftFailureRewards, WithoutEvidenceNothingIsLocated) {
  const Case c = Unlocated(4);
  const auto mixture = SoftFailureRewards(c.evidence, {}, {}, {}, kUnit);
  ASSERT_EQ(mixture.size(), 1);
  EXPECT_THAT(Solve(mixture[0].problem).rewards,
              Pointwise(DoubleNear(1e-12), {-.25, -.25, -.25, -.25}));
}

TEST(SoftFailureRewards, RightAnswersHaveNoComponent) {
  Case c = Unlocated(3);
  c.evidence.scores = {{0, -.5}, {1, -.9}};
  c.evidence.grades = {Grade::kWrong, Grade::kRight, Grade::kWrong};
  for (const auto& component : SoftFailureRewards(c.evidence, {}, {}, {}, kUnit)) {
    EXPECT_GE(Solve(component.problem).rewards[1], 0);
  }
}

}  // namespace
}  // namespace assay::blame
