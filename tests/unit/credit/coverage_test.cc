// Intervals of games that are made to deceive: what decides them is seldom asked. Method::kAuto is
// one of these methods.
#include <cstdint>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "server/credit/exact.h"
#include "server/credit/plan.h"
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
  for (const int n : {8, 12, 16}) {
    for (const Named& named : Games(n)) {
      const std::vector<double> truth = Truth(n, named.game);
      for (const int factor : {2, 4, 16}) {
        int inside = 0;
        for (int seed = 0; seed < kSeeds; ++seed) {
          auto plan = MakeCreditPlan({.n = n,
                                      .method = GetParam(),
                                      .max_questions = factor * n,
                                      .seed = static_cast<std::uint64_t>(seed)});
          ASSERT_TRUE(plan.ok()) << plan.status();
          Drive(**plan, named.game);
          const auto estimate = (*plan)->Finish();
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

INSTANTIATE_TEST_SUITE_P(Methods, Coverage,
                         ::testing::Values(Method::kOddBayes, Method::kAntithetic,
                                           Method::kPermutation, Method::kLeverage,
                                           Method::kKernel),
                         [](const auto& method) { return std::string(MethodName(method.param)); });

}  // namespace
}  // namespace assay::credit
