#include "server/credit/owen.h"

#include <memory>
#include <set>
#include <vector>

#include "gtest/gtest.h"
#include "tests/unit/credit/drive.h"

namespace assay::credit {
namespace {

TEST(OwenQuestionCount, SevenAgentsWithThreeMessages) {
  EXPECT_EQ(OwenQuestionCount({3, 3, 3, 3, 3, 3, 3}), 2816);
  EXPECT_EQ(OwenQuestionCount({1, 1, 1}), 8);
  EXPECT_EQ(OwenQuestionCount({64}), INT64_MAX);
}

TEST(OwenPlan, GloveGameWithAUnion) {
  // One left glove (message 0), two right ones (1, 2): a pair is worth 1. With unions {0, 1} and
  // {2} the pair is made inside the first union, which earns everything; in it, marginals against
  // {} and {2} give 3/4 and 1/4.
  const auto game = [](const PlayerSet& kept) {
    return kept.contains(0) && (kept.contains(1) || kept.contains(2)) ? 1.0 : 0.0;
  };
  auto plan = MakeOwenPlan({.union_of = {0, 0, 1}});
  ASSERT_TRUE(plan.ok());
  const std::vector<PlayerSet> asked = Drive(**plan, game);
  EXPECT_EQ(static_cast<std::int64_t>(asked.size()), OwenQuestionCount({2, 1}));
  EXPECT_EQ(std::set<PlayerSet>(asked.begin(), asked.end()).size(), asked.size());
  const absl::StatusOr<CreditEstimate> estimate = (*plan)->Finish();
  ASSERT_TRUE(estimate.ok());
  EXPECT_NEAR(estimate->values[0], 0.75, 1e-12);
  EXPECT_NEAR(estimate->values[1], 0.25, 1e-12);
  EXPECT_NEAR(estimate->values[2], 0, 1e-12);
}

TEST(OwenPlan, RefusesUnionsThatAreNoPartition) {
  EXPECT_FALSE(MakeOwenPlan({.union_of = {}}).ok());
  EXPECT_FALSE(MakeOwenPlan({.union_of = {0, 2}}).ok());
  EXPECT_FALSE(MakeOwenPlan({.union_of = {0, -1}}).ok());
}

}  // namespace
}  // namespace assay::credit
