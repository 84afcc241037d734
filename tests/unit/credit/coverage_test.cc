// Intervals of games that are made to deceive: what decides them is seldom asked. Method::kAuto is
// one of these methods.
#include <cstdint>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "server/credit/credit_plan.h"
#include "server/credit/exact.h"
#include "tests/unit/credit/drive.h"

namespace assay::credit {
namespace {

constexpr int kSeeds = 20;

struct Named {
  std::string name;
  Game game;
};

std::vector<Named> Games(int n) {
  return {
      {"all needed", [n](const PlayerSet& s) { return s.size() == n ? 1.0 : 0.0; }},
      {"one rare jump",
       [n](const PlayerSet& s) {
         const bool jumps = s.size() == n / 3 && s.contains(0) && s.contains(1);
         return 0.5 * s.size() / n + (jumps ? 0.5 : 0);
       }},
      {"majority at the edge", [n](const PlayerSet& s) { return 2 * s.size() > n ? 1.0 : 0.0; }},
      {"all but one needed", [n](const PlayerSet& s) { return s.size() >= n - 1 ? 1.0 : 0.0; }},
      {"constant", [](const PlayerSet&) { return 0.5; }},
      {"one saboteur", [](const PlayerSet& s) { return s.empty() || s.contains(0) ? 0.0 : 1.0; }},
  };
}

std::vector<double> Truth(int n, const Game& game) {
  std::vector<double> table(std::size_t{1} << n);
  for (std::size_t s = 0; s < table.size(); ++s) table[s] = game(PlayerSet::FromMask(s));
  return ExactShapley(table, n);
}

class Coverage : public ::testing::TestWithParam<Method> {};

TEST_P(Coverage, IsAtLeastNineInTenOnEveryGameAndBudget) {
  for (const int n : {8, 9, 13, 16}) {
    for (const Named& named : Games(n)) {
      const std::vector<double> truth = Truth(n, named.game);
      for (const int factor : {2, 3, 4, 16}) {
        int inside = 0;
        for (int seed = 0; seed < kSeeds; ++seed) {
          auto plan = MakeCreditPlan({.n = n,
                                      .method = GetParam(),
                                      .max_questions = factor * n,
                                      .seed = static_cast<std::uint64_t>(seed)});
          ASSERT_TRUE(plan.ok()) << plan.status();
          Drive(**plan, named.game);
          const auto estimate = (*plan)->finish();
          ASSERT_TRUE(estimate.ok()) << estimate.status();
          for (int i = 0; i < n; ++i) {
            const double slack = 1e-9;
            const bool covers =
                estimate->low[i] <= truth[i] + slack && truth[i] - slack <= estimate->high[i];
            inside += covers ? 1 : 0;
            if (estimate->low[i] == estimate->high[i]) {
              EXPECT_TRUE(covers) << named.name << ": of width 0 and wrong";
            }
          }
        }
        EXPECT_GE(inside, kSeeds * n * 9 / 10)
            << named.name << ", n = " << n << ", " << factor << " n questions";
      }
    }
  }
}

// A plan that may stop early counts only what it drew until then. Counting later draws of what was
// asked, regression from single coalitions was off by a tenth for the agents of the rare jump, and
// covered them in half of all runs.
TEST(EarlyStop, LeavesNoBias) {
  constexpr int kAgents = 12;
  const Game game = Games(kAgents)[1].game;
  const std::vector<double> truth = Truth(kAgents, game);
  for (const Method method : {Method::kLeverage, Method::kKernel, Method::kPermutation}) {
    int rare = 0, inside = 0;
    double error = 0;
    for (int seed = 0; seed < kSeeds; ++seed) {
      auto plan = MakeCreditPlan({.n = kAgents,
                                  .method = method,
                                  .max_questions = 4000,
                                  .target_half_width = 0.02,
                                  .seed = static_cast<std::uint64_t>(seed)});
      ASSERT_TRUE(plan.ok()) << plan.status();
      Drive(**plan, game);
      const auto estimate = (*plan)->finish();
      ASSERT_TRUE(estimate.ok()) << estimate.status();
      ASSERT_LT(estimate->questions, 4000);
      for (int i = 0; i < kAgents; ++i) {
        const bool covers = estimate->low[i] <= truth[i] && truth[i] <= estimate->high[i];
        inside += covers ? 1 : 0;
        rare += covers && i < 2 ? 1 : 0;
      }
      error += (estimate->values[0] + estimate->values[1] - truth[0] - truth[1]) / (2 * kSeeds);
    }
    EXPECT_GE(inside, kSeeds * kAgents * 9 / 10) << MethodName(method);
    EXPECT_GE(rare, kSeeds * 2 * 8 / 10) << MethodName(method);
    EXPECT_NEAR(error, 0, 0.004) << MethodName(method);
  }
}

INSTANTIATE_TEST_SUITE_P(Methods, Coverage,
                         ::testing::Values(Method::kOddBayes, Method::kAntithetic,
                                           Method::kPermutation, Method::kLeverage,
                                           Method::kKernel),
                         [](const auto& method) { return std::string(MethodName(method.param)); });

}  // namespace
}  // namespace assay::credit
