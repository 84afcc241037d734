#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "gtest/gtest.h"
#include "rapidcheck.h"
#include "server/credit/projection.h"
#include "tests/property/credit/generators.h"

namespace assay::credit {
namespace {

struct Problem {
  std::vector<double> x, w, low, high;
  double total = 0;
};

Problem RandomProblem() {
  Problem problem;
  const int count = Uniform(1, 40);
  for (int t = 0; t < count; ++t) {
    problem.x.push_back(UniformReal(-3, 3));
    problem.w.push_back(std::pow(10, UniformReal(-2, 2)));
    const double a = UniformReal(-2, 2);
    const double b = Uniform(0, 5) == 0 ? a : UniformReal(-2, 2);
    problem.low.push_back(std::min(a, b));
    problem.high.push_back(std::max(a, b));
  }
  const double least = std::accumulate(problem.low.begin(), problem.low.end(), 0.0);
  const double most = std::accumulate(problem.high.begin(), problem.high.end(), 0.0);
  problem.total = least + (most - least) * Uniform(0, 101) / 100.0;
  return problem;
}

double Cost(const Problem& problem, const std::vector<double>& r) {
  double cost = 0;
  for (std::size_t t = 0; t < r.size(); ++t) {
    cost += (r[t] - problem.x[t]) * (r[t] - problem.x[t]) / problem.w[t];
  }
  return cost;
}

TEST(ProjectProperty, ConservesAndStaysWithinBounds) {
  EXPECT_TRUE(rc::check([] {
    const Problem p = RandomProblem();
    const auto projection = Project(p.x, p.w, p.low, p.high, p.total);
    RC_ASSERT(projection.ok());
    const std::vector<double>& r = projection->values;
    RC_ASSERT(std::abs(std::accumulate(r.begin(), r.end(), 0.0) - p.total) <= 1e-13 * r.size());
    for (std::size_t t = 0; t < r.size(); ++t) {
      RC_ASSERT(r[t] >= p.low[t] && r[t] <= p.high[t]);
      const double free = p.x[t] + projection->multiplier * p.w[t];
      RC_ASSERT(std::abs(r[t] - std::clamp(free, p.low[t], p.high[t])) <= 1e-12);
    }
  }));
}

TEST(ProjectProperty, NoTransferBetweenTwoEntriesIsCheaper) {
  EXPECT_TRUE(rc::check([] {
    const Problem p = RandomProblem();
    const auto projection = Project(p.x, p.w, p.low, p.high, p.total);
    RC_ASSERT(projection.ok());
    const double cost = Cost(p, projection->values);
    const int count = static_cast<int>(p.x.size());
    std::vector<double> r = projection->values;
    const int from = Uniform(0, count);
    const int to = Uniform(0, count);
    const double step = std::min({1e-3, r[from] - p.low[from], p.high[to] - r[to]});
    r[from] -= step;
    r[to] += step;
    RC_ASSERT(Cost(p, r) >= cost - 1e-9);
  }));
}

TEST(ProjectProperty, ScalesWithItsUnit) {
  EXPECT_TRUE(rc::check([] {
    const Problem p = RandomProblem();
    Problem q = p;
    for (auto* values : {&q.x, &q.low, &q.high}) {
      for (double& value : *values) value *= 1024;
    }
    const auto small = Project(p.x, p.w, p.low, p.high, p.total);
    const auto large = Project(q.x, q.w, q.low, q.high, 1024 * p.total);
    RC_ASSERT(small.ok() && large.ok());
    for (std::size_t t = 0; t < p.x.size(); ++t) {
      RC_ASSERT(std::abs(large->values[t] / 1024 - small->values[t]) <= 1e-11);
    }
  }));
}

}  // namespace
}  // namespace assay::credit
