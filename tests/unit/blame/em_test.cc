#include "server/blame/em.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "server/blame/rates.h"
#include "tests/simulation/blame/rollout_world.h"

namespace assay::blame {
namespace {

using ::testing::HasSubstr;

std::vector<Evidence> RolledOut(int episodes, int messages, int rollouts) {
  std::vector<Evidence> out;
  for (int i = 0; i < episodes; ++i) {
    SplitMix random(77 + i);
    const World world = MakeWorld(messages, random);
    Evidence evidence = EvidenceOf(world);
    evidence.scores = ScoreWorld(world, .9, .3, random);
    evidence.nodes.resize(messages + 1);
    for (int j = 0; j < messages; ++j) {
      for (int k = 0; k < rollouts; ++k) {
        evidence.nodes[j].successes += random.Chance(world.success[j]);
      }
      evidence.nodes[j].trials = rollouts;
    }
    out.push_back(evidence);
  }
  return out;
}

TEST(FitParameters, ObjectiveNeverFalls) {
  const auto fit = FitParameters(RolledOut(40, 12, 4));
  ASSERT_TRUE(fit.ok());
  EXPECT_TRUE(fit->converged);
  ASSERT_GT(fit->objective.size(), 2);
  for (size_t i = 1; i < fit->objective.size(); ++i) {
    EXPECT_GE(fit->objective[i], fit->objective[i - 1] - 1e-8);
  }
}

TEST(FitParameters, FindsTheLevelThatNodesShare) {
  Parameters start;
  start.shared_level = 0.5;
  const std::vector<Evidence> episodes = RolledOut(15, 10, 8);
  const auto fit = FitParameters(episodes, start, {.max_iterations = 20});
  ASSERT_TRUE(fit.ok());
  for (size_t i = 1; i < fit->objective.size(); ++i) {
    EXPECT_GE(fit->objective[i], fit->objective[i - 1] - 1e-8);
  }
  EXPECT_GT(fit->parameters.shared_level, 0.55);
  EXPECT_TRUE(Validate(fit->parameters).ok()) << Validate(fit->parameters);
  EXPECT_GT(fit->log_evidence, FitParameters(episodes)->log_evidence);
  EXPECT_EQ(FitParameters(episodes)->parameters.shared_level, 0);
}

TEST(FitParameters, FindsWhatTheWorldIsLike) {
  const auto fit = FitParameters(RolledOut(200, 16, 6));
  ASSERT_TRUE(fit.ok());
  const Parameters& p = fit->parameters;
  EXPECT_TRUE(Validate(p).ok());
  const double mean_high =
      std::inner_product(p.high_rates.begin(), p.high_rates.end(), p.high_weights.begin(), 0.0);
  const double mean_low =
      std::inner_product(p.low_rates.begin(), p.low_rates.end(), p.low_weights.begin(), 0.0);
  EXPECT_NEAR(mean_high, .66, .04);
  EXPECT_NEAR(mean_low, .08, .03);
  EXPECT_NEAR(p.propagated_share, .3, .1);
}

// It is always a reply of the environment, at another place in every episode, that turns the tide.
TEST(FitParameters, TellsErrorsFromLuck) {
  std::vector<Evidence> episodes;
  for (int k = 0; k < 30; ++k) {
    Evidence evidence;
    evidence.agents = 1;
    evidence.nodes.resize(13);
    for (int t = 0; t < 12; ++t) {
      evidence.authors.push_back(t % 2 == 0 ? 0 : kNobody);
      evidence.nodes[t] = {t <= 2 * (k % 6) + 1 ? 7. : 0., 8};
    }
    episodes.push_back(evidence);
  }
  const auto fit = FitParameters(episodes);
  ASSERT_TRUE(fit.ok()) << fit.status();
  for (size_t i = 1; i < fit->objective.size(); ++i) {
    EXPECT_GE(fit->objective[i], fit->objective[i - 1] - 1e-8);
  }
  EXPECT_GT(fit->parameters.context_error_rate, 0.8);
  EXPECT_LT(fit->parameters.error_rate, 0.5);
  EXPECT_TRUE(Validate(fit->parameters).ok()) << Validate(fit->parameters);
}

TEST(FitParameters, WithoutContextItsRatesStay) {
  const auto fit = FitParameters(RolledOut(5, 6, 4));
  ASSERT_TRUE(fit.ok());
  EXPECT_EQ(fit->parameters.context_error_rate, Parameters().context_error_rate);
  EXPECT_EQ(fit->parameters.context_repair_rate, Parameters().context_repair_rate);
}

TEST(FitParameters, SilentEpisodesChangeLittle) {
  Evidence evidence;
  evidence.authors.assign(5, 0);
  evidence.agents = 1;
  const auto fit = FitParameters({evidence});
  ASSERT_TRUE(fit.ok());
  EXPECT_NEAR(fit->parameters.propagated_share, .63, 1e-12);
  for (const double weight : fit->parameters.high_weights) EXPECT_NEAR(weight, 1. / 7, 1e-12);
}

// 375 * 125 nodes of 4 by 4 rates, 32 + 4 + 4 a step, are the most that may be summed: 3e7.
TEST(CanShareLevels, WhereItIsCheapEnough) {
  Parameters parameters;
  parameters.high_rates = {.5, .6, .7, .8};
  parameters.low_rates = {.1, .2, .3, .4};
  EXPECT_TRUE(CanShareLevels(375, parameters, 125));
  EXPECT_FALSE(CanShareLevels(376, parameters, 125));
  EXPECT_FALSE(CanShareLevels(375, parameters, 126));
  parameters.high_rates = {.5};
  parameters.low_rates = {.1};
  EXPECT_TRUE(CanShareLevels(1024, parameters, 1));
  EXPECT_FALSE(CanShareLevels(1025, parameters, 1));
}

TEST(FitParameters, SaysWhatIsWrong) {
  EXPECT_FALSE(FitParameters({}).ok());
  Evidence bad;
  bad.authors = {3};
  EXPECT_THAT(std::string(FitParameters({Evidence(), bad}).status().message()),
              HasSubstr("episodes[1].authors[0]"));
  EXPECT_THAT(std::string(FitParameters({bad, Evidence()}).status().message()),
              HasSubstr("episodes[0].authors[0]"));
  EXPECT_THAT(std::string(FitParameters({Evidence()}, {.error_rate = 0}).status().message()),
              HasSubstr("error_rate"));
}

// An annotated error is one of an episode that began well.
TEST(FitParameters, RulesNothingOut) {
  std::vector<Evidence> episodes(20);
  for (Evidence& evidence : episodes) {
    evidence.agents = 1;
    evidence.authors = {0, 0, 0};
    evidence.annotations = {1};
    evidence.outcome = Outcome::kFailure;
  }
  const auto fit = FitParameters(episodes, {}, {.prior_episodes = 0});
  ASSERT_TRUE(fit.ok()) << fit.status();
  EXPECT_EQ(fit->parameters.start_high, 1 - 1e-6);
  EXPECT_TRUE(Validate(fit->parameters).ok());
}

}  // namespace
}  // namespace assay::blame
