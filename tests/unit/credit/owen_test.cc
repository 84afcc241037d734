#include "server/credit/owen.h"

#include <memory>
#include <set>
#include <vector>

#include "gtest/gtest.h"
#include "server/credit/owen_sets.h"
#include "tests/unit/credit/drive.h"

namespace assay::credit {
namespace {

TEST(OwenQuestionCount, SevenAgentsWithThreeMessages) {
  EXPECT_EQ(OwenQuestionCount({3, 3, 3, 3, 3, 3, 3}), 2816);
  EXPECT_EQ(OwenQuestionCount({1, 1, 1}), 8);
  EXPECT_EQ(OwenQuestionCount({64}), INT64_MAX);
  EXPECT_EQ(OwenQuestionCount({60}), int64_t{1} << 60);
  EXPECT_EQ(OwenQuestionCount({61}), INT64_MAX);
  EXPECT_EQ(OwenQuestionCount(std::vector<int>(60, 1)), int64_t{1} << 60);
  EXPECT_EQ(OwenQuestionCount(std::vector<int>(61, 1)), INT64_MAX);
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
  const absl::StatusOr<CreditEstimate> estimate = (*plan)->finish();
  ASSERT_TRUE(estimate.ok());
  EXPECT_NEAR(estimate->values[0], 0.75, 1e-12);
  EXPECT_NEAR(estimate->values[1], 0.25, 1e-12);
  EXPECT_NEAR(estimate->values[2], 0, 1e-12);
}

// All pairs of (unions taken whole as bits, partial union, part).
std::vector<std::vector<int>> Sets(const std::vector<int>& sizes) {
  std::vector<std::vector<int>> sets;
  ForEachOwenSet(sizes, [&](const OwenSet& set) {
    sets.push_back({static_cast<int>(set.whole), set.partial, static_cast<int>(set.subset)});
  });
  return sets;
}

TEST(OwenSets, ComeInTheOrderOfATable) {
  const std::vector<std::vector<int>> expected = {
      {3, -1, 0}, {2, -1, 0},
      {1, -1, 0}, {0, -1, 0},  // whole unions only, from both down to none
      {0, 0, 1},  {0, 0, 2},
      {2, 0, 1},  {2, 0, 2},  // parts of the first, without the second, with it
  };
  EXPECT_EQ(Sets({2, 1}), expected);
  EXPECT_EQ(Sets({1}), (std::vector<std::vector<int>>{{1, -1, 0}, {0, -1, 0}}));
  EXPECT_EQ(static_cast<std::int64_t>(Sets({3, 3, 3, 3, 3, 3, 3}).size()), 2816);
}

TEST(ExactOwen, GloveGameWithAUnion) {
  // As above: {0, 1, 2}, {2}, {0, 1}, {}, then {0}, {1}, {0, 2}, {1, 2}.
  const auto values = ExactOwen({1, 0, 1, 0, 0, 0, 1, 0}, {0, 0, 1}, 0, 1);
  ASSERT_TRUE(values.ok()) << values.status();
  EXPECT_NEAR((*values)[0], 0.75, 1e-12);
  EXPECT_NEAR((*values)[1], 0.25, 1e-12);
  EXPECT_NEAR((*values)[2], 0, 1e-12);
}

TEST(ExactOwen, RefusesWhatIsNoTableOfItsUnions) {
  const auto refused = [](const std::vector<double>& table, const std::vector<int>& union_of) {
    return ExactOwen(table, union_of, 0, 1).status().code() == absl::StatusCode::kInvalidArgument;
  };
  EXPECT_FALSE(refused({1, 0}, {0}));
  EXPECT_TRUE(refused({1}, {}));
  EXPECT_TRUE(refused({1, 0, 0}, {0}));
  EXPECT_TRUE(refused({1}, {0}));
  EXPECT_TRUE(refused({1, 0}, {1}));
  std::vector<int> many(21);
  for (int t = 0; t < 21; ++t) many[t] = t;
  EXPECT_TRUE(refused(std::vector<double>(std::size_t{1} << 21), many));
  many.pop_back();
  EXPECT_FALSE(refused(std::vector<double>(std::size_t{1} << 20), many));
}

TEST(OwenPlan, RefusesUnionsThatAreNoPartition) {
  EXPECT_FALSE(MakeOwenPlan({.union_of = {}}).ok());
  EXPECT_FALSE(MakeOwenPlan({.union_of = {0, 2}}).ok());
  EXPECT_FALSE(MakeOwenPlan({.union_of = {0, -1}}).ok());
}

}  // namespace
}  // namespace assay::credit
