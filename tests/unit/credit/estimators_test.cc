#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "server/credit/credit_plan.h"
#include "server/credit/exact.h"
#include "server/credit/owen.h"
#include "server/credit/random.h"
#include "tests/unit/credit/drive.h"

namespace assay::credit {
namespace {

CreditEstimate Estimate(const CreditOptions& options, const Game& game) {
  absl::StatusOr<std::unique_ptr<CreditPlan>> plan = MakeCreditPlan(options);
  EXPECT_TRUE(plan.ok()) << plan.status();
  Drive(**plan, game);
  absl::StatusOr<CreditEstimate> estimate = (*plan)->finish();
  EXPECT_TRUE(estimate.ok()) << estimate.status();
  return *std::move(estimate);
}

// Agent i adds i + 1.
double Additive(const PlayerSet& players) {
  double value = 0;
  for (int i = 0; i < PlayerSet::kMaxPlayers; ++i) value += players.contains(i) ? i + 1 : 0;
  return value;
}

class EveryMethod : public testing::TestWithParam<Method> {};

TEST_P(EveryMethod, FindsTheCreditsOfAnAdditiveGame) {
  const CreditEstimate estimate =
      Estimate({.n = 12, .method = GetParam(), .max_questions = 96, .value_high = 100}, Additive);
  EXPECT_EQ(estimate.method, GetParam());
  for (int i = 0; i < 12; ++i) EXPECT_NEAR(estimate.values[i], i + 1, 1e-3) << i;
  EXPECT_NEAR(std::accumulate(estimate.values.begin(), estimate.values.end(), 0.0), 78, 1e-10);
}

TEST_P(EveryMethod, TakesAsManyPlayersAsItSays) {
  const int n = GetParam() == Method::kOddBayes ? 64 : 256;
  const CreditEstimate estimate = Estimate(
      {.n = n, .method = GetParam(), .max_questions = 3 * n, .value_high = 40000}, Additive);
  EXPECT_LE(estimate.questions, 3 * n);
  EXPECT_NEAR(std::accumulate(estimate.values.begin(), estimate.values.end(), 0.0), n * (n + 1) / 2,
              1e-7);
}

TEST_P(EveryMethod, IsExactWhereEveryQuestionIsAllowed) {
  const Game game = [](const PlayerSet& players) { return players.size() >= 2 ? 1.0 : 0.0; };
  const CreditEstimate estimate =
      Estimate({.n = 4, .method = GetParam(), .max_questions = 16}, game);
  for (double value : estimate.values) EXPECT_NEAR(value, 0.25, 1e-12);
}

// The usual failed episode: no coalition would have succeeded.
TEST_P(EveryMethod, GivesNobodyCreditWhereAllCoalitionsAreWorthTheSame) {
  for (double worth : {0.0, 0.25}) {
    const Game game = [worth](const PlayerSet&) { return worth; };
    for (int n : {5, 6, 9}) {
      for (int questions : {2 * n, 3 * n, 4 * n, 6 * n}) {
        for (Noise noise : {Noise::kNone, Noise::kUnsaid, Noise::kSampled}) {
          const CreditEstimate estimate = Estimate(
              {.n = n, .method = GetParam(), .max_questions = questions, .noise = noise}, game);
          for (double value : estimate.values) {
            EXPECT_NEAR(value, 0, 1e-12) << n << ' ' << questions << ' ' << static_cast<int>(noise);
          }
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Methods, EveryMethod,
                         testing::Values(Method::kOddBayes, Method::kAntithetic, Method::kLeverage,
                                         Method::kPermutation, Method::kKernel),
                         [](const auto& info) {
                           return std::string(MethodName(info.param).data(),
                                              MethodName(info.param).size());
                         });

TEST(AutoMethod, FollowsAgentsAndBudget) {
  const auto method = [](int n, std::int64_t questions) {
    const Game game = [](const PlayerSet& players) { return players.size() / 64.0; };
    return Estimate({.n = n, .max_questions = questions}, game).method;
  };
  EXPECT_EQ(method(5, 32), Method::kExact);
  EXPECT_EQ(method(5, 31), Method::kOddBayes);
  EXPECT_EQ(method(9, 20), Method::kOddBayes);
  EXPECT_EQ(method(9, 19), Method::kAntithetic);
  EXPECT_EQ(method(31, 124), Method::kLeverage);
}

// Before anybody is asked: a billion pairs would take the server's memory.
TEST(SampledPlans, AskNoMoreThanTheyCanUse) {
  for (Method method : {Method::kAuto, Method::kLeverage, Method::kKernel}) {
    const auto plan = MakeCreditPlan({.n = 40, .method = method, .max_questions = INT32_MAX});
    ASSERT_TRUE(plan.ok());
    EXPECT_EQ((*plan)->ask().size(), static_cast<std::size_t>(kMaxSampledQuestions));
  }
}

// As many candidates as 16,383 questions would want there are none.
TEST(OddBayes, AsksNoMoreThanItCanUse) {
  const Game game = [](const PlayerSet& players) { return players.size() > 6 ? 1.0 : 0.0; };
  const CreditEstimate estimate =
      Estimate({.n = 14, .method = Method::kOddBayes, .max_questions = (1 << 14) - 1}, game);
  EXPECT_EQ(estimate.questions, kMaxModelQuestions);
}

TEST(OddBayes, FindsAWeightedMajorityFromFewQuestions) {
  const std::vector<int> weights = {12, 9, 7, 7, 5, 4, 3, 2, 2, 1};
  const Game game = [&](const PlayerSet& players) {
    int votes = 0;
    for (int i = 0; i < 10; ++i) votes += players.contains(i) ? weights[i] : 0;
    return 2 * votes > 52 ? 1.0 : 0.0;
  };
  std::vector<double> table(1024);
  for (Coalition s = 0; s < 1024; ++s) table[s] = game(PlayerSet::FromMask(s));
  const std::vector<double> truth = ExactShapley(table, 10);
  const CreditEstimate estimate =
      Estimate({.n = 10, .method = Method::kOddBayes, .max_questions = 320}, game);
  for (int i = 0; i < 10; ++i) {
    EXPECT_NEAR(estimate.values[i], truth[i], 0.02) << i;
    EXPECT_LE(estimate.low[i], truth[i]);
    EXPECT_GE(estimate.high[i], truth[i]);
  }
}

TEST(OddBayes, TellsSynergyFromRedundancy) {
  // Agents 0 and 1 stand in for each other, 2 and 3 need each other, the rest add up.
  const Game game = [](const PlayerSet& p) {
    double value = 0.1 * p.size();
    value += p.contains(0) || p.contains(1) ? 0.5 : 0;
    value += p.contains(2) && p.contains(3) ? 0.5 : 0;
    return value;
  };
  const CreditEstimate estimate =
      Estimate({.n = 9, .method = Method::kOddBayes, .max_questions = 144, .value_high = 2}, game);
  ASSERT_EQ(estimate.interactions.size(), 36u);
  for (const PairInteraction& pair : estimate.interactions) {
    const bool redundant = pair.first == 0 && pair.second == 1;
    const bool synergy = pair.first == 2 && pair.second == 3;
    const double truth = redundant ? -0.5 : (synergy ? 0.5 : 0);
    EXPECT_NEAR(pair.value, truth, 0.15) << pair.first << ' ' << pair.second;
  }
}

// The even part of this game joins pairs of agents, its odd part is of high orders: once the even
// part is known, one side of a pair tells the other.
TEST(OddBayes, AsksOneSideWhereTheOtherIsKnown) {
  constexpr int kAgents = 8;
  const Game game = [](const PlayerSet& players) {
    const auto spin = [&](int i) { return players.contains(i) ? 1 : -1; };
    double odd = 0.1 * spin(0);
    for (int i = 0; i < kAgents; ++i) {
      odd += 0.04 * spin(i) * spin((i + 1) % kAgents) * spin((i + 3) % kAgents);
    }
    return 0.5 + odd + 0.02 * spin(0) * spin(1);
  };
  auto plan = MakeCreditPlan({.n = kAgents, .method = Method::kOddBayes, .max_questions = 128});
  ASSERT_TRUE(plan.ok());
  const std::vector<PlayerSet> asked = Drive(**plan, game);
  int lone = 0;
  for (const PlayerSet& players : asked) {
    const PlayerSet others = players ^ PlayerSet::All(kAgents);
    lone += std::find(asked.begin(), asked.end(), others) == asked.end() ? 1 : 0;
  }
  EXPECT_GT(lone, 10);
  std::vector<double> table(1 << kAgents);
  for (Coalition s = 0; s < table.size(); ++s) table[s] = game(PlayerSet::FromMask(s));
  const std::vector<double> truth = ExactShapley(table, kAgents);
  const auto estimate = (*plan)->finish();
  ASSERT_TRUE(estimate.ok());
  for (int i = 0; i < kAgents; ++i) EXPECT_NEAR(estimate->values[i], truth[i], 0.03) << i;
}

TEST(OddBayes, UsesItsBudgetWhateverTheNumberOfAgents) {
  for (int n : {7, 8, 9, 11, 13, 15}) {
    const CreditEstimate estimate = Estimate(
        {.n = n, .method = Method::kOddBayes, .max_questions = 9 * n, .value_high = 200}, Additive);
    EXPECT_GE(estimate.questions, 9 * n - 1) << n;
  }
}

// Answers tossed with a coin that lands the better the more take part.
std::vector<Answer> Toss(const std::vector<Question>& questions, std::uint64_t* next) {
  std::vector<Answer> answers;
  for (const Question& question : questions) {
    const double chance = 0.2 + 0.05 * question.players.size();
    double mean = 0;
    for (int k = 0; k < question.samples; ++k) {
      mean += Random(7, 0).Unit((*next)++) < chance ? 1.0 / question.samples : 0;
    }
    const double odds = question.samples > 1 ? question.samples / (question.samples - 1.0) : 0;
    answers.push_back({mean, question.samples, mean * (1 - mean) * odds});
  }
  return answers;
}

TEST(Noise, IsMetByAskingTheEndsAgainWithinTheBudget) {
  for (Method method : {Method::kOddBayes, Method::kAntithetic}) {
    for (int samples : {1, 3}) {
      const int budget = 101;
      auto plan = MakeCreditPlan({.n = 9,
                                  .method = method,
                                  .max_questions = budget,
                                  .samples_per_question = samples,
                                  .noise = Noise::kSampled});
      ASSERT_TRUE(plan.ok());
      std::uint64_t next = 0;
      int asked = 0;
      std::map<int, int> by_size;
      while (!(*plan)->done()) {
        for (const Question& question : (*plan)->ask()) {
          asked += question.samples;
          by_size[question.players.size()] += question.samples;
        }
        ASSERT_TRUE((*plan)->tell(Toss((*plan)->ask(), &next)).ok());
      }
      EXPECT_LE(asked, budget * samples);
      EXPECT_GT(asked, (budget - 2) * samples - 1);
      EXPECT_GE(by_size[0], 2 * samples) << MethodName(method) << ' ' << samples;
      EXPECT_EQ(by_size[0], by_size[9]);
      const absl::StatusOr<CreditEstimate> estimate = (*plan)->finish();
      EXPECT_EQ(estimate->samples, asked);
      EXPECT_LE(estimate->questions, budget - 2);
      EXPECT_LT(estimate->total_std_error, std::sqrt(0.5 / samples));
    }
  }
}

TEST(Noise, IsNotAssumedWhereNoAnswerHasAVariance) {
  const auto asked = [](Noise noise) {
    auto plan = MakeCreditPlan({.n = 9,
                                .method = Method::kOddBayes,
                                .max_questions = 90,
                                .value_high = 45,
                                .noise = noise});
    return Drive(**plan, Additive);
  };
  EXPECT_EQ(asked(Noise::kUnsaid), asked(Noise::kNone));
  EXPECT_NE(asked(Noise::kSampled), asked(Noise::kNone));
}

TEST(OddBayes, StopsWhenThePrecisionAskedForIsReached) {
  CreditOptions options{.n = 12, .method = Method::kOddBayes, .max_questions = 700};
  options.value_high = 100;
  options.target_half_width = 10;
  const CreditEstimate estimate = Estimate(options, Additive);
  EXPECT_LT(estimate.questions, 100);
  EXPECT_TRUE(estimate.complete);
  for (int i = 0; i < 12; ++i) EXPECT_LE(estimate.high[i] - estimate.low[i], 20 + 1e-9);
}

TEST(Plans, DoNotStopEarlyOnWhatTheyHaveNotSeen) {
  // Half the value follows the size, half jumps at one size for teams of both first agents.
  const Game rare_jump = [](const PlayerSet& players) {
    const bool jumps = players.size() == 4 && players.contains(0) && players.contains(1);
    return 0.5 * players.size() / 12 + (jumps ? 0.5 : 0);
  };
  int inside = 0;
  const std::vector<Method> methods = {Method::kOddBayes, Method::kAntithetic, Method::kPermutation,
                                       Method::kLeverage, Method::kKernel};
  for (const Method method : methods) {
    const CreditEstimate estimate = Estimate(
        {.n = 12, .method = method, .max_questions = 4000, .target_half_width = 0.02, .seed = 1},
        rare_jump);
    for (int i = 0; i < 12; ++i) {
      const double truth = i < 2 ? 0.053030303030303 : 0.039393939393939;
      EXPECT_LE(estimate.high[i] - estimate.low[i], 2 * 0.02 + 1e-12) << MethodName(method);
      inside += estimate.low[i] <= truth && truth <= estimate.high[i] ? 1 : 0;
    }
  }
  EXPECT_GE(inside, static_cast<int>(methods.size()) * 12 * 9 / 10);
}

TEST(Plans, GiveAPartialEstimateAfterAnyStage) {
  for (Method method : {Method::kOddBayes, Method::kAntithetic, Method::kExact}) {
    auto plan = MakeCreditPlan({.n = 10,
                                .method = method,
                                .max_questions = method == Method::kExact ? 0 : 300,
                                .value_high = 100});
    ASSERT_TRUE(plan.ok());
    ASSERT_TRUE((*plan)->tell(AnswerAll((*plan)->ask(), Additive)).ok());
    ASSERT_FALSE((*plan)->done());
    const absl::StatusOr<CreditEstimate> estimate = (*plan)->finish();
    ASSERT_TRUE(estimate.ok()) << estimate.status();
    EXPECT_FALSE(estimate->complete);
    for (int i = 0; i < 10; ++i) {
      EXPECT_LE(estimate->low[i], i + 1);
      EXPECT_GE(estimate->high[i], i + 1);
      EXPECT_NEAR(estimate->values[i], i + 1, 1);
    }
  }
}

TEST(Plans, EndWithWhatThereIsWhenAnswersAreMissing) {
  auto plan = MakeCreditPlan(
      {.n = 10, .method = Method::kOddBayes, .max_questions = 160, .value_high = 100});
  ASSERT_TRUE(plan.ok());
  ASSERT_TRUE((*plan)->tell(AnswerAll((*plan)->ask(), Additive)).ok());
  std::vector<Answer> answers = AnswerAll((*plan)->ask(), Additive);
  for (std::size_t k = 1; k < answers.size(); k += 2) answers[k].samples = 0;
  ASSERT_TRUE((*plan)->tell(answers).ok());
  EXPECT_TRUE((*plan)->done());
  const absl::StatusOr<CreditEstimate> estimate = (*plan)->finish();
  ASSERT_TRUE(estimate.ok()) << estimate.status();
  EXPECT_FALSE(estimate->complete);
  for (int i = 0; i < 10; ++i) EXPECT_NEAR(estimate->values[i], i + 1, 0.1);
}

TEST(SampledOwen, StaysWithinItsBudgetAndNearTheExactValue) {
  OwenOptions options{.union_of = {0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3}};
  const Game game = [](const PlayerSet& p) {
    return 0.02 * Additive(p) / 2 + (p.contains(0) && p.contains(4) ? 0.1 : 0);
  };
  auto exact = MakeOwenPlan(options);
  options.max_questions = 40;
  auto sampled = MakeOwenPlan(options);
  ASSERT_TRUE(exact.ok() && sampled.ok());
  Drive(**exact, game);
  EXPECT_LE(Drive(**sampled, game).size(), 40u);
  const absl::StatusOr<CreditEstimate> truth = (*exact)->finish();
  const absl::StatusOr<CreditEstimate> estimate = (*sampled)->finish();
  ASSERT_TRUE(truth.ok() && estimate.ok());
  EXPECT_NE(estimate->method, Method::kExact);
  for (int t = 0; t < 12; ++t) EXPECT_NEAR(estimate->values[t], truth->values[t], 0.06) << t;
}

}  // namespace
}  // namespace assay::credit
