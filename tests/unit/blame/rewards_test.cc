#include "server/blame/rewards.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

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
  EXPECT_TRUE(p.allocable);
  EXPECT_THAT(p.evidence, Pointwise(DoubleNear(1e-12), {0., -.5, -.3, .4, 0.}));
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
  EXPECT_NEAR(p.evidence[3], .1, 1e-12);
  EXPECT_NEAR(p.evidence[2], -.3, 1e-12);  // harm is not excused by repetition
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
  EXPECT_NEAR(p.evidence[0], posterior.value[1] - posterior.value[0], 1e-12);
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
  EXPECT_THAT(p.low, ElementsAre(-2, 0, -2, -2));
  EXPECT_THAT(p.high, Each(0));
  EXPECT_THAT(p.evidence, Pointwise(DoubleNear(1e-12), {-.05, 0., 0., 0.}));
  EXPECT_NEAR(p.weight[0], posterior.first[0] + .01 / 3, 1e-12);
}

TEST(FailureRewards, NobodyToBlame) {
  Evidence evidence;
  evidence.authors = {kNobody, kNobody};
  const Posterior posterior = ComputePosterior(evidence);
  const RewardProblem p =
      FailureRewards(evidence, posterior, AssignLabels(evidence, posterior), {}, kUnit);
  EXPECT_FALSE(p.allocable);
  EXPECT_EQ(p.target, -1);
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
  ASSERT_EQ(mixture.size(), 4);
  EXPECT_EQ(mixture[1].probability, posterior.first[1]);
  EXPECT_NEAR(mixture[3].probability, posterior.none, 1e-12);
  double sum = 0;
  for (const auto& component : mixture) {
    sum += component.probability;
    EXPECT_TRUE(component.problem.allocable);
    EXPECT_EQ(component.problem.target, -1);
  }
  EXPECT_NEAR(sum, 1, 1e-12);
  EXPECT_LT(mixture[1].problem.low[1], 0);
  EXPECT_EQ(mixture[1].problem.low[0], 0);
}

}  // namespace
}  // namespace assay::blame
