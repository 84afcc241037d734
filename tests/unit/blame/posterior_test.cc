#include "server/blame/posterior.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/unit/blame/failures.h"

namespace assay::blame {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pointwise;

TEST(Posterior, WorkedExampleE7) {
  Evidence evidence = Failure(5);
  evidence.scores = FromProbabilities({.95, .9, .2, .3, .8});
  const Posterior p = ComputePosterior(evidence);
  EXPECT_THAT(p.first,
              Pointwise(DoubleNear(5e-8), {.0163535, .0588884, .6695107, .1967559, .0376366}));
  EXPECT_THAT(p.decisive,
              Pointwise(DoubleNear(5e-8), {.0124319, .0565830, .6682655, .2016829, .0505045}));
  EXPECT_NEAR(p.none, .0208549, 5e-8);
  EXPECT_EQ(p.claimed_first, 2);
  EXPECT_EQ(p.tier, Tier::kScores);
}

TEST(Posterior, WorkedExampleE7WithBaseRate) {
  Evidence evidence = Failure(5);
  evidence.scores = FromProbabilities({.95, .9, .2, .3, .8});
  const Posterior p = ComputePosterior(evidence, {.base_rate = 0.2});
  EXPECT_THAT(p.first,
              Pointwise(DoubleNear(5e-8), {.0752427, .1986961, .6384828, .0555709, .0056073}));
  EXPECT_NEAR(p.none, .0264002, 5e-8);
  EXPECT_EQ(p.claimed_first, 2);
}

TEST(Posterior, WorkedExampleE8) {
  const Posterior p = ComputePosterior(ExampleE8(), {.base_rate = 0.2});
  EXPECT_NEAR(p.first[1], .9830626, 5e-8);
  EXPECT_NEAR(p.repair[3], .7312800, 5e-8);
  EXPECT_NEAR(p.decisive[4], .9752755, 5e-8);
  EXPECT_NEAR(p.none, .0074444, 5e-8);
  EXPECT_EQ(p.claimed_first, 1);
  EXPECT_EQ(p.claimed_decisive, 4);
  EXPECT_EQ(p.tier, Tier::kRollouts);
  EXPECT_EQ(p.value.back(), 0);
  EXPECT_GT(p.value[1], 0.7);
  EXPECT_LT(p.value[2], 0.1);
}

TEST(Posterior, DefinitionsNameDifferentErrors) {
  const Parameters calibrated{.base_rate = 0.2};
  const Posterior flips =
      ComputePosterior(ExampleE8(), calibrated, {.definition = ErrorDefinition::kCorrectionFlips});
  EXPECT_EQ(flips.claimed_first, 4);
  EXPECT_NEAR(FirstAndNone(flips), 1, 1e-12);

  Evidence evidence = ExampleE8();
  evidence.scores[0].value = -.98;  // wrong as a step, and success stayed likely all the same
  const Posterior stays = ComputePosterior(evidence, calibrated);
  EXPECT_EQ(stays.claimed_first, 1);
  const Posterior step =
      ComputePosterior(evidence, calibrated, {.definition = ErrorDefinition::kIncorrectStep});
  EXPECT_EQ(step.claimed_first, 0);
  EXPECT_EQ(step.tier, Tier::kScores);
  EXPECT_NEAR(FirstAndNone(step), 1, 1e-12);
  EXPECT_THAT(step.repair, Pointwise(DoubleNear(0), {0., 0., 0., 0., 0.}));
}

TEST(Posterior, NoMessagesAtAll) {
  const Posterior p = ComputePosterior(Failure(0));
  EXPECT_NEAR(p.none, 1, 1e-12);
  EXPECT_THAT(p.value, ElementsAre(0.0));
}

TEST(Posterior, JudgesAreTempered) {
  Parameters parameters;
  const double one = ErrorLogRatios({{0, -.8}}, 1, parameters)[0];
  const double two = ErrorLogRatios({{0, -.8}, {0, -.8}}, 1, parameters)[0];
  EXPECT_NEAR(one, std::log(9), 1e-12);
  EXPECT_NEAR(two, one * 2 / 1.5, 1e-12);
  EXPECT_NEAR(ErrorLogRatios({{0, -.8}, {0, .8}}, 1, parameters)[0], 0, 1e-12);
  EXPECT_NEAR(ErrorLogRatios({{0, -1}}, 1, parameters)[0], std::log(49), 1e-12);
}

TEST(Posterior, OneLuckyCorrectionIsNoError) {
  Evidence evidence = Failure(4);
  evidence.nodes.resize(5);
  evidence.corrections = {{2, {1, 1}}};
  EXPECT_FALSE(ComputePosterior(evidence).claimed_first);
  // The pair is what counts: good with the correction, bad without.
  evidence.corrections = {{2, {6, 6}}};
  evidence.nodes[3] = {0, 6};
  EXPECT_EQ(ComputePosterior(evidence).claimed_first, 2);
  // Bad either way: the error came before.
  evidence.corrections = {{2, {0, 6}}};
  const Posterior before = ComputePosterior(evidence);
  EXPECT_LT(before.first[2], 0.1);
  EXPECT_GT(before.first[0] + before.first[1], 0.8);
}

TEST(Posterior, WeakPolicyExpectsLessOfHighNodes) {
  Evidence evidence = Failure(2);
  evidence.nodes.resize(3);
  evidence.nodes[1] = {1, 6};
  const double strong = ComputePosterior(evidence).high[1];
  evidence.start_value = 0.2;
  const double weak = ComputePosterior(evidence).high[1];
  EXPECT_GT(weak, strong + 0.1);
  evidence.start_value = 0;
  EXPECT_NEAR(FirstAndNone(ComputePosterior(evidence)), 1, 1e-12);
}

TEST(Posterior, BarePrefixValueCountsAsFourRollouts) {
  const Rollouts r = FromPrefixValue(-0.5, -1, 1);
  EXPECT_EQ(r.trials, 4);
  EXPECT_EQ(r.successes, 1);
}

TEST(Posterior, CredibleSetIsSmallestAndSorted) {
  Evidence evidence = Failure(5);
  evidence.scores = FromProbabilities({.95, .9, .2, .3, .8});
  EXPECT_THAT(ComputePosterior(evidence).credible_set, ElementsAre(2, 3));
  EXPECT_THAT(ComputePosterior(evidence, {}, {.credible = 0.95}).credible_set,
              ElementsAre(1, 2, 3, 4));
}

TEST(Posterior, ConditionIsAComponentOfTheMixture) {
  const Evidence evidence = ExampleE8();
  const Posterior whole = ComputePosterior(evidence);
  double error3 = whole.none * 0;
  for (int t = 0; t < 5; ++t) error3 += whole.first[t] * ConditionOnFirst(evidence, t).error[3];
  EXPECT_NEAR(error3, whole.error[3], 0.01);  // the rest started Low
  EXPECT_NEAR(ConditionOnFirst(evidence, 3).first[3], 1, 1e-12);
}

// With every node's rate that of its episode, the posterior is the mixture, by their evidence, of
// those under each pair of rates.
TEST(Posterior, SharedLevelsMixEpisodesOfOneRate) {
  Evidence evidence;
  evidence.authors = {0, 0, 0, 0};
  evidence.agents = 1;
  evidence.nodes = {{3, 4}, {2, 4}, {0, 4}, {3, 4}, {}};
  evidence.start_value = 0.5;
  Parameters shared;
  shared.high_rates = {.5, .9};
  shared.high_weights = {.25, .75};
  shared.low_rates = {.05, .2};
  shared.shared_level = 1;
  const Posterior whole = ComputePosterior(evidence, shared);

  double sum = 0;
  std::vector<double> first(4, 0), repair(4, 0), high(5, 0), value(5, 0);
  for (int i = 0; i < 2; ++i) {
    for (int k = 0; k < 2; ++k) {
      Parameters one = shared;
      one.shared_level = 0;
      // The weak policy's factor is 0.5 / 0.8, the mean of all rates.
      one.high_rates = {shared.high_rates[i] * 0.5 / 0.8};
      one.high_weights = {};
      one.low_rates = {shared.low_rates[k]};
      Evidence plain = evidence;
      plain.start_value.reset();
      const Posterior part = ComputePosterior(plain, one);
      const double weight = shared.high_weights[i] / 2 * std::exp(part.log_evidence);
      sum += weight;
      for (int t = 0; t < 4; ++t) first[t] += weight * part.first[t];
      for (int t = 0; t < 4; ++t) repair[t] += weight * part.repair[t];
      for (int j = 0; j < 5; ++j) high[j] += weight * part.high[j];
      for (int j = 0; j < 5; ++j) value[j] += weight * part.value[j];
    }
  }
  EXPECT_NEAR(whole.log_evidence, std::log(sum), 1e-12);
  double mass = whole.none;
  for (int t = 0; t < 4; ++t) {
    EXPECT_NEAR(whole.first[t], first[t] / sum, 1e-12);
    EXPECT_NEAR(whole.repair[t], repair[t] / sum, 1e-12);
    mass += whole.first[t];
  }
  EXPECT_NEAR(mass, 1, 1e-12);
  for (int j = 0; j < 5; ++j) {
    EXPECT_NEAR(whole.high[j], high[j] / sum, 1e-12);
    EXPECT_NEAR(whole.value[j], value[j] / sum, 1e-12);
  }
  // Conditions are components of the mixture, here too.
  double mixed = 0;
  for (int t = 0; t < 4; ++t) {
    mixed += whole.first[t] * ConditionOnFirst(evidence, t, shared).high[2];
  }
  EXPECT_LT(mixed, whole.high[2]);
  EXPECT_GT(mixed, whole.high[2] - whole.none);
}

TEST(Posterior, LevelsAreSharedWhileTheirPairsAreFew) {
  Parameters parameters;
  EXPECT_TRUE(CanShareLevels(1024, parameters));
  EXPECT_FALSE(CanShareLevels(1025, parameters));
  EXPECT_TRUE(CanShareLevels(96, parameters, 96));
  EXPECT_FALSE(CanShareLevels(128, parameters, 128));
  parameters.high_rates.resize(64, .6);
  parameters.low_rates.resize(64, .1);
  EXPECT_TRUE(CanShareLevels(32, parameters));
  EXPECT_FALSE(CanShareLevels(64, parameters));

  Evidence evidence;
  evidence.authors.assign(64, 0);
  evidence.agents = 1;
  parameters.shared_level = 1;
  EXPECT_EQ(Levels(evidence, parameters).size(), 1u);
  evidence.authors.resize(32);
  EXPECT_EQ(Levels(evidence, parameters).size(), 4096u);
}

TEST(Posterior, CreditPriorSuspectsTheHarmful) {
  EXPECT_THAT(CreditPrior({0, 1, 1, kNobody}, {.5, -.35}, 1.0),
              Pointwise(DoubleNear(1e-12), {.05, .2, .2, 0.}));
}

TEST(Posterior, LongEpisodesStayFinite) {
  Evidence evidence = Failure(65536, 7);
  evidence.nodes.resize(65537);
  for (int j = 0; j < 65536; ++j) evidence.nodes[j] = {j < 40000 ? 50. : 0., 50};
  const Posterior p = ComputePosterior(evidence);
  EXPECT_NEAR(FirstAndNone(p), 1, 1e-9);
  EXPECT_EQ(p.claimed_first, 39999);
}

// What High and Low share of so many trials is far larger than what tells them apart.
TEST(Posterior, ManyTrialsLoseNoDigits) {
  Evidence evidence = Failure(3, 1);
  evidence.nodes = {{700'000'000, 1'000'000'000}, {700'000'001, 1'000'000'000}, {}, {}};
  evidence.corrections = {{1, {300'000'001, 1'000'000'000}}};
  EXPECT_NEAR(FirstAndNone(ComputePosterior(evidence)), 1, 1e-9);
}

TEST(Validate, NamesTheField) {
  const auto message = [](const Evidence& e) { return std::string(Validate(e).message()); };
  Evidence evidence = Failure(3, 2);
  EXPECT_TRUE(Validate(evidence).ok());
  evidence.scores = {{1, 1.5}};
  EXPECT_THAT(message(evidence), HasSubstr("scores[0]"));
  evidence.scores = {{1, std::numeric_limits<double>::quiet_NaN()}};
  EXPECT_THAT(message(evidence), HasSubstr("scores[0]"));
  evidence = Failure(3, 2);
  evidence.authors[1] = 2;
  EXPECT_THAT(message(evidence), HasSubstr("authors[1]"));
  evidence = Failure(3, 2);
  evidence.annotations = {3};
  EXPECT_THAT(message(evidence), HasSubstr("annotations[0]"));
  evidence = Failure(3, 2);
  evidence.repairs = {{1, 1}};
  EXPECT_THAT(message(evidence), HasSubstr("repairs[0]"));
  evidence = Failure(3, 2);
  evidence.nodes = {{0, 0}, {2, 1}, {0, 0}, {0, 0}};
  EXPECT_THAT(message(evidence), HasSubstr("nodes[1]"));
}

// Nothing can go wrong with the last message of a success: no probability is left to share.
TEST(Posterior, AnImpossibleConditionIsNobodysError) {
  Evidence evidence = Failure(3);
  evidence.outcome = Outcome::kSuccess;
  evidence.score = 1;
  evidence.nodes = {{1, 2}, {0, 2}, {1, 2}, {0, 0}};
  Parameters shared;
  shared.shared_level = 0.5;
  for (const Parameters& parameters : {Parameters(), shared}) {
    const Posterior p = ConditionOnFirst(evidence, 2, parameters);
    EXPECT_EQ(FirstAndNone(p), 0);
    EXPECT_EQ(p.log_evidence, -HUGE_VAL);
    EXPECT_FALSE(p.claimed_first.has_value());
    EXPECT_EQ(p.value.back(), 1);
  }
}

// At the ends of what rates may be all probability is still there.
TEST(Posterior, RatesAtTheirEndsKeepAllProbability) {
  for (const double errors : {1e-4, 1e4}) {
    for (const double repairs : {1e-4, 1e4}) {
      Parameters p;
      p.error_rate = errors;
      p.repair_rate = repairs;
      ASSERT_TRUE(Validate(p).ok());
      for (const int messages : {1, 3, 200}) {
        for (const auto definition :
             {ErrorDefinition::kStaysUnlikely, ErrorDefinition::kCorrectionFlips,
              ErrorDefinition::kIncorrectStep}) {
          const Posterior posterior = ComputePosterior(Failure(messages), p, {definition});
          EXPECT_NEAR(FirstAndNone(posterior), 1, 1e-9) << errors << ' ' << repairs;
        }
      }
    }
  }
}

}  // namespace
}  // namespace assay::blame
