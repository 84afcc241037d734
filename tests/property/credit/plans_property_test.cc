#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <set>
#include <vector>

#include "gtest/gtest.h"
#include "rapidcheck.h"
#include "server/credit/credit_plan.h"
#include "server/credit/exact.h"
#include "tests/property/credit/generators.h"
#include "tests/unit/credit/drive.h"

namespace assay::credit {
namespace {

constexpr Method kMethods[] = {Method::kAuto,     Method::kOddBayes,    Method::kAntithetic,
                               Method::kLeverage, Method::kPermutation, Method::kKernel};

CreditOptions RandomOptions(int n) {
  CreditOptions options;
  options.n = n;
  options.method = kMethods[Uniform(0, 6)];
  options.max_questions = Uniform(2, 12 * n);
  options.seed = Uniform(0, 1000);
  options.value_low = -1;
  return options;
}

// Games with structure, so that estimators have something to find: a random table plus a strong
// additive part.
std::vector<double> MixedTable(int n) {
  std::vector<double> table = RandomTable(n);
  std::vector<double> worth(n);
  for (double& value : worth) value = UniformReal(-1, 1) / n;
  for (std::size_t s = 0; s < table.size(); ++s) {
    table[s] *= 0.1;
    for (int i = 0; i < n; ++i) table[s] += (s >> i & 1) ? 0.9 * worth[i] : 0;
  }
  return table;
}

TEST(PlansProperty, EfficientWithinBudgetAndNeverTwiceTheSame) {
  EXPECT_TRUE(rc::check([] {
    const int n = Uniform(1, 11);
    const std::vector<double> table = MixedTable(n);
    const CreditOptions options = RandomOptions(n);
    auto plan = MakeCreditPlan(options);
    RC_ASSERT(plan.ok());
    const std::vector<PlayerSet> asked =
        Drive(**plan, [&](const PlayerSet& s) { return table[s.mask()]; });
    RC_ASSERT(static_cast<std::int64_t>(asked.size()) <= options.max_questions);
    RC_ASSERT(std::set<PlayerSet>(asked.begin(), asked.end()).size() == asked.size());
    const absl::StatusOr<CreditEstimate> estimate = (*plan)->finish();
    RC_ASSERT(estimate.ok());
    RC_ASSERT(estimate->questions == static_cast<std::int64_t>(asked.size()));
    const double sum = std::accumulate(estimate->values.begin(), estimate->values.end(), 0.0);
    RC_ASSERT(std::abs(sum - (table.back() - table.front())) <= 1e-12);
    for (int i = 0; i < n; ++i) {
      RC_ASSERT(std::abs(estimate->values[i]) <= 2);
      RC_ASSERT(std::isfinite(estimate->std_errors[i]));
      RC_ASSERT(estimate->low[i] <= estimate->values[i]);
      RC_ASSERT(estimate->high[i] >= estimate->values[i]);
    }
  }));
}

TEST(PlansProperty, EqualAnswersGiveEqualBits) {
  EXPECT_TRUE(rc::check([] {
    const int n = Uniform(4, 10);
    const std::vector<double> table = MixedTable(n);
    const CreditOptions options = RandomOptions(n);
    std::vector<CreditEstimate> estimates;
    for (int run = 0; run < 2; ++run) {
      auto plan = MakeCreditPlan(options);
      RC_ASSERT(plan.ok());
      Drive(**plan, [&](const PlayerSet& s) { return table[s.mask()]; });
      estimates.push_back(*(*plan)->finish());
    }
    RC_ASSERT(estimates[0].values == estimates[1].values);
    RC_ASSERT(estimates[0].std_errors == estimates[1].std_errors);
    RC_ASSERT(estimates[0].low == estimates[1].low);
  }));
}

TEST(PlansProperty, ScaledGamesHaveScaledCredit) {
  EXPECT_TRUE(rc::check([] {
    const int n = Uniform(4, 9);
    const std::vector<double> table = MixedTable(n);
    CreditOptions options = RandomOptions(n);
    std::vector<std::vector<double>> values;
    for (double scale : {1.0, 4.0}) {
      options.value_low = -scale;
      options.value_high = scale;
      auto plan = MakeCreditPlan(options);
      RC_ASSERT(plan.ok());
      Drive(**plan, [&](const PlayerSet& s) { return scale * table[s.mask()]; });
      values.push_back((*plan)->finish()->values);
    }
    for (int i = 0; i < n; ++i) RC_ASSERT(std::abs(values[1][i] - 4 * values[0][i]) <= 1e-9);
  }));
}

}  // namespace
}  // namespace assay::credit
