#include <cmath>
#include <numeric>

#include "gtest/gtest.h"
#include "server/blame/rewards.h"
#include "server/credit/projection.h"
#include "tests/property/blame/generators.h"

namespace assay::blame {
namespace {

// The rewards that a problem leads to: as much as its bounds hold is placed.
std::vector<double> Solve(const RewardProblem& p) {
  const double least = std::accumulate(p.low.begin(), p.low.end(), 0.0);
  const double placed = std::fmax(p.placed, least);
  return credit::Project(p.raw_reward, p.weight, p.low, p.high, placed).value().values;
}

bool IsError(Label label) {
  return label == Label::kFirstError || label == Label::kError || label == Label::kFailureAligned;
}

Evidence AnyFailure() {
  Evidence evidence = AnyEvidence();
  if (evidence.outcome == Outcome::kSuccess) {
    evidence.outcome = Outcome::kFailure;
    evidence.score = evidence.low;
  }
  return evidence;
}

RewardOptions OptionsFor(const Evidence& evidence) {
  const double range = evidence.high - evidence.low;
  return {.bound = range * *rc::gen::element(1.0, 2.0, 5.0),
          .kappa = 0.5 * range,
          .reference = evidence.low + Unit() * range};
}

std::vector<double> AnyRedundancy(const Evidence& evidence) {
  std::vector<double> redundancy;
  if (Chance(50)) {
    for (size_t t = 0; t < evidence.authors.size(); ++t) redundancy.push_back(Unit());
  }
  return redundancy;
}

// Of one message's reward.
void CheckReward(const Evidence& evidence, const std::vector<Label>& labels,
                 const RewardProblem& problem, size_t t, double reward) {
  const bool tried = labels[t] == Label::kRepair || labels[t] == Label::kRepairAttempt;
  RC_ASSERT(evidence.authors[t] >= 0 || reward == 0);
  if (IsError(labels[t])) {
    RC_ASSERT(reward <= 0);
    return;
  }
  // What gains has evidence for it, and what may not lose does not, but where nobody may.
  RC_ASSERT(reward <= std::fmax(problem.raw_reward[t], 0.0) + 1e-12);
  const bool helped = problem.raw_reward[t] > 0;
  const bool is_right = GradeOf(evidence, static_cast<int>(t)) == Grade::kRight;
  if (!problem.signs_relaxed && (tried || helped || is_right)) RC_ASSERT(reward >= 0);
}

TEST(FailureRewardsProperty, ConserveAndKeepSignsAndBounds) {
  EXPECT_TRUE(rc::check([] {
    const Evidence evidence = AnyFailure();
    const RewardOptions options = OptionsFor(evidence);
    const double range = evidence.high - evidence.low;
    const Posterior posterior = ComputePosterior(evidence);
    const auto labels = AssignLabels(evidence, posterior);
    const RewardProblem problem =
        FailureRewards(evidence, posterior, labels, AnyRedundancy(evidence), options);
    const std::vector<double> rewards = Solve(problem);
    const double sum = std::accumulate(rewards.begin(), rewards.end(), 0.0);
    const bool anybody = CountAgentsMessages(evidence) > 0;
    RC_ASSERT(problem.target <= 0);
    RC_ASSERT(problem.placed <= 0 && problem.placed >= problem.target);
    // Only located errors may leave something over, beside the environment.
    const bool everything = anybody && !AnyLocated(labels);
    if (everything) RC_ASSERT(std::fabs(sum - problem.placed) <= 1e-9 * range);
    RC_ASSERT(sum >= problem.placed - 1e-9 * range && sum <= 1e-9 * range);
    RC_ASSERT(!(problem.signs_relaxed && AnyLocated(labels)));
    double praise = 0;
    for (size_t t = 0; t < rewards.size(); ++t) {
      RC_ASSERT(std::fabs(rewards[t]) <= options.bound + 1e-12 * range);
      CheckReward(evidence, labels, problem, t, rewards[t]);
      praise += std::fmax(0.0, rewards[t]);
    }
    RC_ASSERT(praise <= -problem.placed / 2 + 1e-9 * range);
  }));
}

TEST(FailureRewardsProperty, WithoutEvidenceAllAreEqual) {
  EXPECT_TRUE(rc::check([] {
    Evidence evidence = AnyFailure();
    evidence.annotations.clear();
    evidence.repairs.clear();
    evidence.nodes.clear();
    evidence.corrections.clear();
    evidence.grades.clear();
    evidence.message_credit.clear();
    evidence.prior_used = PriorUsed::kFlat;
    for (Score& score : evidence.scores) score.value = 0;
    const Posterior posterior = ComputePosterior(evidence);
    const RewardProblem problem =
        FailureRewards(evidence, posterior, AssignLabels(evidence, posterior),
                       AnyRedundancy(evidence), OptionsFor(evidence));
    const std::vector<double> rewards = Solve(problem);
    RC_ASSERT(problem.placed == problem.target);
    const double share = problem.target / std::max(1, CountAgentsMessages(evidence));
    for (size_t t = 0; t < rewards.size(); ++t) {
      const double expected = evidence.authors[t] < 0 ? 0 : share;
      RC_ASSERT(std::fabs(rewards[t] - expected) <= 1e-9 * (evidence.high - evidence.low));
    }
  }));
}

TEST(SoftFailureRewardsProperty, AreTheMixtureAndConserve) {
  EXPECT_TRUE(rc::check([] {
    const Evidence evidence = AnyFailure();
    const RewardOptions options = OptionsFor(evidence);
    const double range = evidence.high - evidence.low;
    const PosteriorOptions definition{.definition = AnyDefinition()};
    const auto mixture = SoftFailureRewards(evidence, {}, definition, {}, options);
    const Posterior whole = ComputePosterior(evidence, {}, definition);
    std::vector<double> soft(evidence.authors.size(), 0.0);
    double probability = 0, placed = 0;
    size_t component = 0;
    for (const WeightedProblem& part : mixture) {
      const std::vector<double> hard = Solve(part.problem);
      for (size_t t = 0; t < soft.size(); ++t) soft[t] += part.probability * hard[t];
      probability += part.probability;
      placed += part.probability * part.problem.placed;
    }
    const double sum = std::accumulate(soft.begin(), soft.end(), 0.0);
    RC_ASSERT(std::fabs(probability - 1) < 1e-9);
    RC_ASSERT(sum >= placed - 1e-8 * range && sum <= 1e-8 * range);
    for (const double r : soft) RC_ASSERT(std::fabs(r) <= options.bound * (1 + 1e-9));
    if (evidence.outcome == Outcome::kOpen || whole.tier == Tier::kNone) {
      RC_ASSERT(mixture.size() == 1u);
      return;
    }
    for (size_t t = 0; t < whole.first.size(); ++t) {
      const auto message = static_cast<int>(t);
      if (whole.first[t] <= 0 || ProvenRight(evidence, whole, message)) continue;
      RC_ASSERT(mixture[component++].probability == whole.first[t]);
    }
  }));
}

TEST(FailureRewardsProperty, ScaleWithTheValues) {
  EXPECT_TRUE(rc::check([] {
    Evidence evidence = AnyFailure();
    evidence.low = 0;
    evidence.high = 1;
    evidence.score = Unit() / 2;
    evidence.start_value.reset();
    const auto rewards = [&](double scale, double shift) {
      Evidence scaled = evidence;
      for (double& credit : scaled.message_credit) credit *= scale;
      scaled.low = shift;
      scaled.high = scale + shift;
      scaled.score = scale * evidence.score + shift;
      const Posterior posterior = ComputePosterior(scaled);
      return Solve(FailureRewards(scaled, posterior, AssignLabels(scaled, posterior), {},
                                  {2 * scale, 0.5 * scale, scale + shift}));
    };
    const auto plain = rewards(1, 0), large = rewards(8, -3);
    for (size_t t = 0; t < plain.size(); ++t) RC_ASSERT(std::fabs(8 * plain[t] - large[t]) < 1e-8);
  }));
}

TEST(FailureRewards, WorkedExampleE6EndToEnd) {
  Evidence evidence;
  evidence.authors.assign(5, 0);
  evidence.agents = 1;
  evidence.scores = {{2, -.6}, {3, .8}};
  Posterior posterior = ComputePosterior(evidence);
  posterior.error = {0, .9, .2, 0, 0};
  const RewardProblem problem =
      FailureRewards(evidence, posterior,
                     {Label::kSound, Label::kFirstError, Label::kFailureAligned,
                      Label::kRepairAttempt, Label::kNeutral},
                     {}, {.bound = 2, .kappa = .5, .reference = 1});
  const auto projection = credit::Project(problem.raw_reward, problem.weight, problem.low,
                                          problem.high, problem.target);
  ASSERT_TRUE(projection.ok());
  const double expected[] = {0, -.9831858, -.4115044, .3946903, 0};
  for (int t = 0; t < 5; ++t) EXPECT_NEAR(projection->values[t], expected[t], 5e-8);
  EXPECT_NEAR(projection->multiplier, -.5309735, 5e-8);
}

}  // namespace
}  // namespace assay::blame
