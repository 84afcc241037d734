#include <algorithm>
#include <bit>
#include <cmath>
#include <memory>
#include <numeric>
#include <vector>

#include "gtest/gtest.h"
#include "rapidcheck.h"
#include "server/credit/exact.h"
#include "server/credit/owen.h"
#include "server/credit/owen_sets.h"
#include "tests/property/credit/generators.h"
#include "tests/unit/credit/drive.h"

namespace assay::credit {
namespace {

constexpr double kTiny = 1e-12;

// A sum that rounds once (Kahan 1965): over 9! orders a plain one drifts by more than kTiny.
class Sum {
 public:
  void Add(double term) {
    const double mended = term - lost_;
    const double next = sum_ + mended;
    lost_ = (next - sum_) - mended;
    sum_ = next;
  }
  double value() const { return sum_; }

 private:
  double sum_ = 0;
  double lost_ = 0;
};

// Straight from the definition: the mean marginal over all orders.
std::vector<double> BruteShapley(const std::vector<double>& table, int n) {
  std::vector<Sum> sums(n);
  std::vector<int> order(n);
  std::iota(order.begin(), order.end(), 0);
  double orders = 0;
  do {
    std::size_t s = 0;
    for (int i : order) {
      sums[i].Add(table[s | std::size_t{1} << i] - table[s]);
      s |= std::size_t{1} << i;
    }
    ++orders;
  } while (std::next_permutation(order.begin(), order.end()));
  std::vector<double> phi;
  for (const Sum& sum : sums) phi.push_back(sum.value() / orders);
  return phi;
}

double BruteInteraction(const std::vector<double>& table, int n, int i, int j) {
  double sum = 0;
  const std::size_t bi = std::size_t{1} << i;
  const std::size_t bj = std::size_t{1} << j;
  for (std::size_t s = 0; s < table.size(); ++s) {
    if (s & (bi | bj)) continue;
    const int size = std::popcount(s);
    const double weight = std::tgamma(size + 1) * std::tgamma(n - size - 1) / std::tgamma(n);
    sum += weight * (table[s | bi | bj] - table[s | bi] - table[s | bj] + table[s]);
  }
  return sum;
}

void AssertNear(const std::vector<double>& a, const std::vector<double>& b, double tolerance) {
  RC_ASSERT(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) RC_ASSERT(std::abs(a[i] - b[i]) <= tolerance);
}

TEST(ExactProperty, AgreesWithTheMeanOverAllOrders) {
  EXPECT_TRUE(rc::check([] {
    const int n = Uniform(1, 10);
    const std::vector<double> table = RandomTable(n);
    AssertNear(ExactShapley(table, n), BruteShapley(table, n), kTiny);
  }));
}

TEST(ExactProperty, InteractionsAgreeWithTheirDefinition) {
  EXPECT_TRUE(rc::check([] {
    const int n = Uniform(2, 12);
    const std::vector<double> table = RandomTable(n);
    for (const PairInteraction& pair : ExactInteractions(table, n)) {
      const double brute = BruteInteraction(table, n, pair.first, pair.second);
      RC_ASSERT(std::abs(pair.value - brute) <= kTiny);
    }
  }));
}

TEST(ExactProperty, Efficiency) {
  EXPECT_TRUE(rc::check([] {
    const int n = Uniform(1, 13);
    const std::vector<double> table = RandomTable(n);
    const std::vector<double> phi = ExactShapley(table, n);
    const double sum = std::accumulate(phi.begin(), phi.end(), 0.0);
    RC_ASSERT(std::abs(sum - (table.back() - table.front())) <= kTiny);
  }));
}

TEST(ExactProperty, Linearity) {
  EXPECT_TRUE(rc::check([] {
    const int n = Uniform(1, 12);
    const std::vector<double> a = RandomTable(n);
    const std::vector<double> b = RandomTable(n);
    std::vector<double> mixed(a.size());
    for (std::size_t s = 0; s < a.size(); ++s) mixed[s] = 2 * a[s] - 0.5 * b[s];
    const std::vector<double> phi_a = ExactShapley(a, n);
    const std::vector<double> phi_b = ExactShapley(b, n);
    const std::vector<double> phi = ExactShapley(mixed, n);
    for (int i = 0; i < n; ++i) {
      RC_ASSERT(std::abs(phi[i] - (2 * phi_a[i] - 0.5 * phi_b[i])) <= kTiny);
    }
  }));
}

TEST(ExactProperty, NullPlayerHasNoCreditAndNoInteraction) {
  EXPECT_TRUE(rc::check([] {
    const int n = Uniform(1, 12);
    const int dummy = Uniform(0, n);
    std::vector<double> table = RandomTable(n);
    for (std::size_t s = 0; s < table.size(); ++s) table[s] = table[s & ~(std::size_t{1} << dummy)];
    RC_ASSERT(std::abs(ExactShapley(table, n)[dummy]) <= kTiny);
    for (const PairInteraction& pair : ExactInteractions(table, n)) {
      if (pair.first == dummy || pair.second == dummy) RC_ASSERT(std::abs(pair.value) <= kTiny);
    }
  }));
}

std::size_t Relabel(std::size_t s, const std::vector<int>& to) {
  std::size_t result = 0;
  for (std::size_t i = 0; i < to.size(); ++i) result |= (s >> i & 1) << to[i];
  return result;
}

TEST(ExactProperty, RelabellingPermutesCredit) {
  EXPECT_TRUE(rc::check([] {
    const int n = Uniform(1, 12);
    std::vector<int> to(n);
    std::iota(to.begin(), to.end(), 0);
    for (int i = n - 1; i > 0; --i) std::swap(to[i], to[Uniform(0, i + 1)]);
    const std::vector<double> table = RandomTable(n);
    std::vector<double> relabelled(table.size());
    for (std::size_t s = 0; s < table.size(); ++s) relabelled[Relabel(s, to)] = table[s];
    const std::vector<double> phi = ExactShapley(table, n);
    const std::vector<double> moved = ExactShapley(relabelled, n);
    for (int i = 0; i < n; ++i) RC_ASSERT(std::abs(phi[i] - moved[to[i]]) <= kTiny);
  }));
}

TEST(ExactProperty, SymmetricAgentsShareEqually) {
  EXPECT_TRUE(rc::check([] {
    const int n = Uniform(2, 12);
    std::vector<double> table = RandomTable(n);
    std::vector<int> swapped(n);
    std::iota(swapped.begin(), swapped.end(), 0);
    std::swap(swapped[0], swapped[n - 1]);
    for (std::size_t s = 0; s < table.size(); ++s) table[Relabel(s, swapped)] = table[s];
    const std::vector<double> phi = ExactShapley(table, n);
    RC_ASSERT(std::abs(phi[0] - phi[n - 1]) <= kTiny);
  }));
}

TEST(ExactProperty, RaisingCoalitionsWithAnAgentNeverLowersItsCredit) {
  EXPECT_TRUE(rc::check([] {
    const int n = Uniform(1, 12);
    const int i = Uniform(0, n);
    std::vector<double> table = RandomTable(n);
    const double before = ExactShapley(table, n)[i];
    for (std::size_t s = 0; s < table.size(); ++s) {
      if (s >> i & 1) table[s] += (s * 2654435761u % 1000) / 1000.0;
    }
    RC_ASSERT(ExactShapley(table, n)[i] >= before - kTiny);
  }));
}

TEST(OwenProperty, SumsOverUnionsAreTheShapleyValueOfTheQuotientGame) {
  EXPECT_TRUE(rc::check([] {
    const int messages = Uniform(1, 8);
    const int unions = Uniform(1, messages + 1);
    OwenOptions options;
    options.value_low = -1;
    for (int t = 0; t < messages; ++t) {
      options.union_of.push_back(t < unions ? t : Uniform(0, unions));
    }
    const std::vector<double> table = RandomTable(messages);
    auto plan = MakeOwenPlan(options);
    RC_ASSERT(plan.ok());
    Drive(**plan, [&](const PlayerSet& kept) { return table[kept.mask()]; });
    const absl::StatusOr<CreditEstimate> estimate = (*plan)->finish();
    RC_ASSERT(estimate.ok());
    RC_ASSERT(std::abs(estimate->raw_gap) <= kTiny);

    // A table of the same values gives the same numbers, to the last bit.
    std::vector<std::vector<int>> members(unions);
    for (int t = 0; t < messages; ++t) members[options.union_of[t]].push_back(t);
    std::vector<int> sizes;
    for (const std::vector<int>& own : members) sizes.push_back(static_cast<int>(own.size()));
    std::vector<double> values;
    ForEachOwenSet(sizes, [&](const OwenSet& set) {
      std::size_t kept = 0;
      for (int u = 0; u < unions; ++u) {
        const bool whole = (set.whole >> u & 1) != 0;
        const std::size_t part = u == set.partial ? set.subset : 0;
        for (int k = 0; k < sizes[u]; ++k) {
          if (whole || (part >> k & 1) != 0) kept |= std::size_t{1} << members[u][k];
        }
      }
      values.push_back(table[kept]);
    });
    const auto tabled = ExactOwen(values, options.union_of, options.value_low, options.value_high);
    RC_ASSERT(tabled.ok());
    RC_ASSERT(*tabled == estimate->values);

    std::vector<double> quotient(std::size_t{1} << unions);
    for (std::size_t h = 0; h < quotient.size(); ++h) {
      std::size_t kept = 0;
      for (int t = 0; t < messages; ++t) kept |= (h >> options.union_of[t] & 1) << t;
      quotient[h] = table[kept];
    }
    std::vector<double> sums(unions);
    for (int t = 0; t < messages; ++t) sums[options.union_of[t]] += estimate->values[t];
    AssertNear(sums, ExactShapley(quotient, unions), kTiny);
  }));
}

}  // namespace
}  // namespace assay::credit
