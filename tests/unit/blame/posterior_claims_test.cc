// What the posterior claims, and of whom.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "server/blame/posterior.h"
#include "tests/unit/blame/failures.h"

namespace assay::blame {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::Pointwise;

TEST(Posterior, NoEvidenceNoClaim) {
  Evidence bare = Failure(4, 2);
  const Posterior nothing = ComputePosterior(bare);
  EXPECT_EQ(nothing.tier, Tier::kNone);
  EXPECT_FALSE(nothing.claimed_first);
  EXPECT_FALSE(nothing.claimed_decisive);
  bare.scores = {{0, 0}, {1, 0}, {3, 0}};
  const Posterior zeros = ComputePosterior(bare);
  EXPECT_EQ(zeros.first, nothing.first);
  EXPECT_EQ(zeros.decisive, nothing.decisive);
  EXPECT_EQ(zeros.tier, Tier::kNone);
  // Even where there is but one message to suspect.
  EXPECT_FALSE(ComputePosterior(Failure(1)).claimed_first);
}

TEST(Posterior, AnnotationIsCertain) {
  Evidence evidence = Failure(6, 2);
  evidence.annotations = {4, 2};
  const Posterior p = ComputePosterior(evidence);
  EXPECT_THAT(p.first, Pointwise(DoubleNear(1e-12), {0., 0., 1., 0., 0., 0.}));
  EXPECT_EQ(p.claimed_first, 2);
  EXPECT_EQ(p.likeliest_agent, 0);
  EXPECT_THAT(p.credible_set, ElementsAre(2));
  EXPECT_EQ(p.tier, Tier::kAnnotation);
}

TEST(Posterior, AnnotationOutweighsPriorAndOutcome) {
  Evidence evidence = Failure(3);
  evidence.prior = {1, 0, 0};
  evidence.annotations = {2};
  EXPECT_NEAR(ComputePosterior(evidence).first[2], 1, 1e-12);
  evidence.outcome = Outcome::kSuccess;  // nobody is left to repair it
  evidence.score = 1;
  EXPECT_NEAR(ComputePosterior(evidence).first[2], 1, 1e-12);
}

TEST(Posterior, ContextIsNeverBlamed) {
  Evidence evidence = Failure(4);
  evidence.authors = {kNobody, 0, kNobody, 0};
  evidence.nodes.resize(5);
  evidence.nodes[2] = {8, 8};
  evidence.nodes[3] = {0, 8};
  const Posterior p = ComputePosterior(evidence);
  EXPECT_EQ(p.first[0], 0);
  EXPECT_EQ(p.first[2], 0);
  EXPECT_GT(p.environment, .9);
  EXPECT_FALSE(p.claimed_first);
  EXPECT_NEAR(FirstAndNone(p), 1, 1e-12);

  evidence.authors = {kNobody, kNobody, kNobody, kNobody};
  const Posterior context = ComputePosterior(evidence);
  EXPECT_GT(context.environment, .99);
  EXPECT_NEAR(FirstAndNone(context), 1, 1e-12);
  EXPECT_EQ(context.likeliest_first, -1);
  EXPECT_TRUE(context.credible_set.empty());
}

// A failure of `turns` times an agent's message and a reply, with these values at its nodes.
Evidence Replied(int turns, const std::vector<double>& values) {
  Evidence evidence = Failure(2 * turns);
  for (int t = 1; t < 2 * turns; t += 2) evidence.authors[t] = kNobody;
  for (const double value : values) evidence.nodes.push_back(FromPrefixValue(value, 0, 1));
  evidence.nodes.resize(2 * turns + 1);
  return evidence;
}

TEST(Posterior, LuckIsTheEnvironments) {
  for (const int turns : {1, 2, 3, 5, 8, 20}) {
    const Posterior p = ComputePosterior(Replied(turns, std::vector<double>(2 * turns, .8)));
    EXPECT_FALSE(p.claimed_first) << turns;
    EXPECT_FALSE(p.claimed_decisive) << turns;
    EXPECT_GE(p.environment, .8) << turns;
    EXPECT_NEAR(FirstAndNone(p), 1, 1e-12);
  }
}

TEST(Posterior, ARealLastErrorBeforeAReplyStaysClaimed) {
  for (const int turns : {1, 2, 3, 5, 8}) {
    std::vector<double> values(2 * turns, .8);
    values.back() = .1;
    const Posterior p = ComputePosterior(Replied(turns, values));
    EXPECT_EQ(p.claimed_first, 2 * turns - 2) << turns;
    EXPECT_LT(p.environment, .45) << turns;
  }
}

TEST(Posterior, OutcomeBehindContextIsOneMoreRollout) {
  Evidence evidence = Failure(3);
  evidence.authors[2] = kNobody;
  evidence.score = .3;
  const std::vector<Rollouts> nodes = AllRollouts(evidence, ErrorDefinition::kStaysUnlikely);
  ASSERT_EQ(nodes.size(), 4u);
  EXPECT_DOUBLE_EQ(nodes[2].successes, .3);
  EXPECT_EQ(nodes[2].trials, 1);
  EXPECT_EQ(nodes[3].trials, 0);
  EXPECT_EQ(ComputePosterior(evidence).tier, Tier::kNone);
  evidence.outcome = Outcome::kOpen;
  EXPECT_TRUE(AllRollouts(evidence, ErrorDefinition::kStaysUnlikely).empty());
  evidence.authors[2] = 0;
  evidence.outcome = Outcome::kFailure;
  EXPECT_TRUE(AllRollouts(evidence, ErrorDefinition::kStaysUnlikely).empty());
}

TEST(Posterior, ContextIsNoWrongStep) {
  Evidence evidence = Failure(4);
  evidence.authors[1] = evidence.authors[3] = kNobody;
  evidence.scores = {{0, .2}};
  const Posterior p =
      ComputePosterior(evidence, {}, {.definition = ErrorDefinition::kIncorrectStep});
  EXPECT_EQ(p.environment, 0);
  EXPECT_NEAR(FirstAndNone(p), 1, 1e-12);
}

TEST(Posterior, RightAnswersAreSuspectsOnlyByRollouts) {
  Evidence evidence = Failure(3);
  evidence.scores = {{1, -.9}};
  ASSERT_EQ(ComputePosterior(evidence).claimed_first, 1);
  evidence.grades = {Grade::kNone, Grade::kRight, Grade::kWrong};
  EXPECT_FALSE(ComputePosterior(evidence).claimed_first);
  evidence.nodes = {{}, {8, 8}, {0, 8}, {}};
  EXPECT_EQ(ComputePosterior(evidence).claimed_first, 1);
}

TEST(Posterior, SuccessClaimsNothingFromScoresAlone) {
  Evidence evidence = Failure(4);
  evidence.outcome = Outcome::kSuccess;
  evidence.score = 1;
  evidence.scores = FromProbabilities({.9, .02, .02, .99});
  EXPECT_FALSE(ComputePosterior(evidence, {.error_rate = 50}).claimed_first);
  evidence.nodes.resize(5);
  evidence.nodes[1] = {10, 10};
  evidence.nodes[2] = {0, 10};
  const Posterior p = ComputePosterior(evidence);
  EXPECT_EQ(p.claimed_first, 1);
  EXPECT_FALSE(p.claimed_decisive);
}

TEST(Posterior, RepairMarksOfASuccessLocateTheError) {
  Evidence evidence = Failure(8);
  evidence.outcome = Outcome::kSuccess;
  evidence.score = 1;
  evidence.repairs = {{4, 2}, {5, 2}};
  const Posterior p = ComputePosterior(evidence);
  EXPECT_GT(p.first[2], 0.9);
  EXPECT_NEAR(p.repair[5], 1, 1e-9);
  EXPECT_EQ(p.repair[4], 0);
  EXPECT_EQ(p.tier, Tier::kAnnotation);
  evidence.annotations = {6};  // contradicts the marks, and wins
  EXPECT_NEAR(ComputePosterior(evidence).first[6], 1, 1e-12);
}

TEST(Posterior, OpenOutcomeClaimsNothing) {
  Evidence evidence = ExampleE8();
  evidence.outcome = Outcome::kOpen;
  const Posterior p = ComputePosterior(evidence);
  EXPECT_FALSE(p.claimed_first);
  EXPECT_FALSE(p.claimed_decisive);
}

// Both claims are made at the confidence asked for, and not just beyond it.
TEST(Posterior, AClaimNeedsItsConfidenceAndNoMore) {
  Evidence evidence;
  evidence.agents = 1;
  evidence.authors = {0, 0, 0};
  evidence.scores = {{0, 0.5}, {1, -0.5}, {2, 0.25}};
  evidence.outcome = Outcome::kFailure;
  const Posterior first = ComputePosterior(evidence);
  ASSERT_EQ(first.likeliest_first, 1);
  const auto claims = [&](double confidence) {
    return ComputePosterior(evidence, {}, {ErrorDefinition::kStaysUnlikely, confidence, 0.9});
  };
  const double mass = first.first[1];
  EXPECT_EQ(claims(mass).claimed_first, 1);
  EXPECT_FALSE(claims(std::nextafter(mass, 1)).claimed_first.has_value());
  const double decisive = first.decisive[first.likeliest_decisive];
  EXPECT_TRUE(claims(decisive).claimed_decisive.has_value());
  EXPECT_FALSE(claims(std::nextafter(decisive, 1)).claimed_decisive.has_value());
}

}  // namespace
}  // namespace assay::blame
