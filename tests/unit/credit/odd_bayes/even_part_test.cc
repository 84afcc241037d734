#include "server/credit/odd_bayes/even_part.h"

#include <gtest/gtest.h>

#include <vector>

#include "server/credit/random.h"

namespace assay::credit {
namespace {

// v(both) + v(none) - v(1) - v(2), twice the difference of the two pairs.
TEST(EvenPart, TwoAgentsHaveOneInteraction) {
  const EvenPart even(2, {3, 2}, {0.9, 0.4}, {0, 0});
  ASSERT_EQ(even.Interactions().size(), 1u);
  EXPECT_NEAR(even.Interactions()[0].value, 2 * (0.9 - 0.4), 0.02);
}

TEST(EvenPart, WhereNothingDiffersNothingInteracts) {
  for (const double value : {0.0, 0.5}) {
    const EvenPart even(3, {7, 4, 5}, {value, value, value}, {0, 0, 0});
    EXPECT_EQ(even.At(6).mean, value);
    for (const PairInteraction& pair : even.Interactions()) EXPECT_EQ(pair.value, 0);
  }
}

// Either side of a pair stands for it.
TEST(EvenPart, SidesOfAPairAreOne) {
  const Random random(5, 0);
  for (const int n : {3, 4, 5, 6}) {
    const Coalition everyone = (Coalition{1} << n) - 1;
    std::vector<Coalition> pairs, flipped;
    std::vector<double> values, noise;
    for (Coalition s = Coalition{1} << (n - 1); s <= everyone; ++s) {
      if (s != everyone && random.Unit(s) < 0.3) continue;
      pairs.push_back(s);
      flipped.push_back(random.Unit(100 + s) < 0.5 ? everyone ^ s : s);
      values.push_back(random.Unit(200 + s));
      noise.push_back(0.01 * random.Unit(300 + s));
    }
    const EvenPart one(n, pairs, values, noise);
    const EvenPart other(n, flipped, values, noise);
    for (Coalition s = 0; s <= everyone; ++s) {
      EXPECT_NEAR(one.At(s).mean, other.At(s).mean, 1e-9) << n;
      EXPECT_NEAR(one.At(s).mean, one.At(everyone ^ s).mean, 1e-9) << n;
      EXPECT_NEAR(one.At(s).variance, one.At(everyone ^ s).variance, 1e-9) << n;
    }
    EXPECT_NEAR(one.LooVariance(), other.LooVariance(), 1e-9);
    ASSERT_EQ(one.Interactions().size(), static_cast<size_t>(n * (n - 1) / 2));
    for (size_t k = 0; k < one.Interactions().size(); ++k) {
      EXPECT_NEAR(one.Interactions()[k].value, other.Interactions()[k].value, 1e-9) << n;
    }
  }
}

}  // namespace
}  // namespace assay::credit
