// Exactly at a bound, and the next number beyond it.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "server/signals/phases/credit_phase.h"
#include "server/signals/rewards/allocation.h"
#include "server/signals/rewards/success.h"
#include "tests/unit/signals/play.h"

namespace assay::signals {
namespace {

using testing::RunOutcome;
using testing::RunTable;
using testing::Say;
using testing::Team;

double After(double x) { return std::nextafter(x, HUGE_VAL); }
double Before(double x) { return std::nextafter(x, -HUGE_VAL); }

TEST(Bounds, AValueMayMissItsRangeByRounding) {
  // The slack is a billionth of the range: here 2^-28 of 2^-28 * 1e9.
  const double slack = std::ldexp(1, -28);
  const ValueRange range = {0, 1e9 * slack};
  EXPECT_TRUE(InRange(-slack, range));
  EXPECT_FALSE(InRange(Before(-slack), range));
  const ValueRange below = {-1e9 * slack, 0};
  EXPECT_TRUE(InRange(slack, below));
  EXPECT_FALSE(InRange(After(slack), below));
}

TEST(Bounds, DustIsATrillionthOfTheRange) {
  const ValueRange range = {-1, 3};
  for (const double sign : {-1.0, 1.0}) {
    EXPECT_EQ(DropDust(sign * 4e-12, range), 0);
    EXPECT_EQ(DropDust(sign * After(4e-12), range), sign * After(4e-12));
  }
}

TEST(Bounds, BudgetsFollowPriceAndAgents) {
  const auto budget = [](int n, bool free, credit::Method method = credit::Method::kAuto,
                         int64_t asked = 0) {
    EvaluatorTraits traits;
    traits.free = free;
    EstimatorOptions options;
    options.method = method;
    options.max_questions = asked;
    return QuestionBudget(options, traits, n);
  };
  EXPECT_EQ(budget(20, true), 1 << 20);
  EXPECT_EQ(budget(21, true), 21 * 64);
  EXPECT_EQ(budget(6, false), 64);
  EXPECT_EQ(budget(7, false), 7 * 16);
  EXPECT_EQ(budget(20, false, credit::Method::kExact), 1 << 20);
  EXPECT_EQ(budget(21, false, credit::Method::kExact), 21 * 16);
  EXPECT_EQ(budget(7, false, credit::Method::kKernel), 7 * 16);
  EXPECT_EQ(budget(5, true, credit::Method::kAuto, 1), 1);
}

TEST(Bounds, NoiseIsUnsaidOfOneSampleAndNoneOfAnExactEvaluator) {
  const auto noise = [](bool deterministic, int samples) {
    EvaluatorTraits traits;
    traits.deterministic = deterministic;
    Options options;
    options.estimator.samples_per_question = samples;
    return NoiseOf(options, traits);
  };
  EXPECT_EQ(noise(true, 2), credit::Noise::kNone);
  EXPECT_EQ(noise(false, 1), credit::Noise::kUnsaid);
  EXPECT_EQ(noise(false, 2), credit::Noise::kSampled);
}

// The most and the least that the messages may take is no reason to relax their signs.
TEST(Bounds, AllThatIsAllowedIsPlacedWithinTheSigns) {
  for (const WhenInfeasible fallback : {WhenInfeasible::kRelaxSigns, WhenInfeasible::kLeaveOver}) {
    for (const double credit : {-0.75, 1.5}) {
      std::vector<Claim> claims = {{0.25, 1, -0.5, 0.5}, {0, 1, -0.25, 1}};
      const auto allocation = Allocate(claims, credit, 2, fallback);
      ASSERT_TRUE(allocation.ok());
      EXPECT_FALSE(allocation->signs_relaxed);
      EXPECT_EQ(allocation->unallocated, 0);
      EXPECT_EQ(allocation->rewards[0], credit < 0 ? -0.5 : 0.5);
      EXPECT_EQ(allocation->rewards[1], credit < 0 ? -0.25 : 1);
    }
  }
  std::vector<Claim> claims = {{0.25, 1, -0.5, 0.5}};
  EXPECT_TRUE(Allocate(claims, After(0.5), 2, WhenInfeasible::kRelaxSigns)->signs_relaxed);
}

TEST(Bounds, AnOutcomeMayMissTheGrandValueByABillionth) {
  Episode episode = Team(1);
  Say(episode, 0);
  const auto mismatch = [&](double score) {
    episode.score = score;
    return RunTable(episode, {}, {0, 0})->outcome_mismatch;
  };
  EXPECT_FALSE(mismatch(1e-9));
  EXPECT_TRUE(mismatch(After(1e-9)));
}

TEST(Bounds, TheThresholdIsASuccess) {
  Episode episode = Team(1);
  Say(episode, 0).first_error = true;
  Options options;
  options.success_threshold = 0.7;
  episode.score = 0.7;
  const auto met = RunOutcome(episode, options);
  episode.score = Before(0.7);
  const auto missed = RunOutcome(episode, options);
  ASSERT_TRUE(met.ok() && missed.ok());
  EXPECT_TRUE(met->success);
  EXPECT_FALSE(missed->success);
  EXPECT_GT(met->agents[0].credit, 0.6);
  EXPECT_LT(missed->messages[0].reward, 0) << "the posterior knows the outcome, too";
}

// Claims of a success by the sign of the credit and of what was said of the message.
TEST(Bounds, SignsOfNothingBindNobody) {
  Episode episode = Team(1);
  for (const double q : {-0.5, 0.0, 0.5}) Say(episode, 0).process_score = q;
  Options options;
  options.reward_bound = 2;
  MessageFacts local;
  local.scores = {-0.5, 0.0, 0.5};
  local.redundancy = {0, 0.5, 1};
  local.node_values.resize(4);
  const std::vector<int> all = {0, 1, 2};
  const auto claims = [&](double credit) {
    return SuccessClaims(episode, local, all, EvidenceKind::kScores, credit, options);
  };
  const double penalty = options.message_rewards.kappa * options.message_rewards.redundancy_penalty;
  for (const double credit : {0.0, 0.3}) {
    const std::vector<Claim> positive = claims(credit);
    EXPECT_EQ(positive[0].low, -2);
    EXPECT_EQ(positive[0].high, 0);
    EXPECT_EQ(positive[1].low, -0.5 * penalty);
    EXPECT_EQ(positive[1].high, 2);
    EXPECT_EQ(positive[2].low, -penalty);
    EXPECT_FALSE(std::signbit(claims(credit)[0].high));
  }
  const std::vector<Claim> negative = claims(-0.3);
  for (const int t : {0, 1}) {
    EXPECT_EQ(negative[t].low, -2);
    EXPECT_EQ(negative[t].high, 0);
  }
  EXPECT_EQ(negative[2].low, 0);
  EXPECT_EQ(negative[2].high, 2);
  options.reward_bound = 0.25 * penalty;
  EXPECT_EQ(claims(0)[2].low, -0.25 * penalty) << "never beyond the bound";
}

TEST(Bounds, MessagesWithoutTokensWeighByTheirWords) {
  Episode episode = Team(1);
  for (int t = 0; t < 2; ++t) Say(episode, 0);
  Options options;
  options.message_rewards.weigh_by_tokens = true;
  MessageFacts local;
  local.scores.resize(2);
  local.redundancy = {0.25, 1};
  local.node_values.resize(3);
  const std::vector<int> all = {0, 1};
  const auto weights = [&] {
    const auto claims = SuccessClaims(episode, local, all, EvidenceKind::kEqual, 1, options);
    return std::vector<double>{claims[0].weight, claims[1].weight};
  };
  EXPECT_EQ(weights(), (std::vector<double>{0.75, 0.01}));
  episode.messages[1].token_count = 3;
  EXPECT_EQ(weights(), (std::vector<double>{0.01, 1}));
  episode.messages[0].token_count = 1;
  EXPECT_EQ(weights(), (std::vector<double>{0.25, 0.75}));
}

}  // namespace
}  // namespace assay::signals
