#include "server/blame/pairs/pairs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace assay::blame {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

struct Case {
  Evidence evidence;
  std::vector<absl::string_view> contents;
  std::vector<std::vector<Alternative>> alternatives;
  std::vector<double> rewards;
};

// Six messages of one agent; the error at 2 was annotated.
Case AnnotatedFailure() {
  Case c;
  c.evidence.authors.assign(6, 0);
  c.evidence.agents = 1;
  c.evidence.annotations = {2};
  c.contents = {"a", "b", "c", "d", "e", "f"};
  c.alternatives.resize(6);
  c.rewards.assign(6, 0.0);
  return c;
}

std::vector<Pair> PairsOf(const Case& c, const PairOptions& options) {
  const Posterior posterior = ComputePosterior(c.evidence);
  return EpisodePairs(c.evidence, posterior, AssignLabels(c.evidence, posterior), c.rewards,
                      c.contents, c.alternatives, options);
}

TEST(EpisodePairs, StepTakesTheBestVerifiedAlternative) {
  Case c = AnnotatedFailure();
  c.alternatives[2] = {{"worse", .05}, {"good", .8}, {"better", .9}, {"unproved", std::nullopt}};
  const auto pairs = PairsOf(c, {.kinds = {PairKind::kStep}});
  ASSERT_THAT(pairs, SizeIs(1));
  EXPECT_EQ(pairs[0].context_length, 2);
  EXPECT_EQ(pairs[0].chosen->alternative, 2);
  EXPECT_EQ(pairs[0].rejected->begin, 2);
  EXPECT_FALSE(pairs[0].rejected->alternative);
  EXPECT_NEAR(pairs[0].weight, 1, 1e-9);
}

TEST(EpisodePairs, OfEqualAlternativesTheFirstIsShown) {
  Case c = AnnotatedFailure();
  c.alternatives[2] = {{"worse", .05}, {"good", .9}, {"as good", .9}};
  EXPECT_EQ(PairsOf(c, {.kinds = {PairKind::kStep}})[0].chosen->alternative, 1);
  c.evidence.outcome = Outcome::kSuccess;
  c.evidence.score = 1;
  c.evidence.annotations.clear();
  c.evidence.repairs = {{4, 2}};
  c.alternatives[4] = {{"fine", .9}, {"no use", .1}, {"nor this", .1}};
  EXPECT_EQ(PairsOf(c, {.kinds = {PairKind::kRepair}})[0].rejected->alternative, 1);
}

TEST(EpisodePairs, NothingIsInventedForAStep) {
  Case c = AnnotatedFailure();
  EXPECT_THAT(PairsOf(c, {.kinds = {PairKind::kStep}}), IsEmpty());
  c.alternatives[2] = {{"unproved", std::nullopt}, {"c", .99}, {"no better", .05}};
  EXPECT_THAT(PairsOf(c, {.kinds = {PairKind::kStep}}), IsEmpty());
  c.alternatives[2] = {{"slightly", .3}};
  EXPECT_THAT(PairsOf(c, {.kinds = {PairKind::kStep}}), SizeIs(1));
  EXPECT_THAT(PairsOf(c, {.kinds = {PairKind::kStep}, .margin = .25}), IsEmpty());
}

TEST(EpisodePairs, RepairAgainstWhatStayedLow) {
  Case c = AnnotatedFailure();
  c.evidence.outcome = Outcome::kSuccess;
  c.evidence.score = 1;
  c.evidence.annotations.clear();
  c.evidence.repairs = {{4, 2}};
  c.alternatives[4] = {{"no use", .1}, {"fine too", .9}};
  const auto pairs = PairsOf(c, {.kinds = {PairKind::kRepair}});
  ASSERT_THAT(pairs, SizeIs(1));
  EXPECT_EQ(pairs[0].context_length, 4);
  EXPECT_EQ(pairs[0].chosen->begin, 4);
  EXPECT_EQ(pairs[0].rejected->alternative, 0);
  c.alternatives[4] = {{"fine too", .9}};
  EXPECT_THAT(PairsOf(c, {.kinds = {PairKind::kRepair}}), IsEmpty());
}

TEST(EpisodePairs, OneSidedFollowsLabels) {
  Case c = AnnotatedFailure();
  c.evidence.scores = {{3, -.5}};
  c.rewards = {.1, 0, -1, 0, 0, 0};
  const auto pairs = PairsOf(c, {});
  ASSERT_THAT(pairs, SizeIs(3));
  EXPECT_EQ(pairs[0].chosen->begin, 0);  // sound and rewarded; message 1 was not rewarded
  EXPECT_EQ(pairs[1].rejected->begin, 2);
  EXPECT_EQ(pairs[2].rejected->begin, 3);
  for (const Pair& pair : pairs) {
    EXPECT_NE(pair.chosen.has_value(), pair.rejected.has_value());
    EXPECT_EQ(pair.context_length, (pair.chosen ? pair.chosen : pair.rejected)->begin);
  }
}

GroupEpisode Rollout(double score, std::vector<GroupTurn> turns) { return {"task", score, turns}; }

constexpr GroupTurn kAsk = {"", "question"};

TEST(GroupPairs, SiblingsPartWhereTheAgentDiffers) {
  const std::vector<GroupEpisode> group = {
      Rollout(1, {kAsk, {"a", "same"}, {"", "tool"}, {"a", "right"}, {"a", "end"}}),
      Rollout(0, {kAsk, {"a", "same"}, {"", "tool"}, {"a", "wrong"}})};
  const auto pairs = GroupPairs(group, 0, 1, {});
  ASSERT_THAT(pairs, SizeIs(3));
  EXPECT_EQ(pairs[0].kind, PairKind::kSibling);
  EXPECT_EQ(pairs[0].context_length, 3);
  EXPECT_EQ(pairs[0].chosen->episode, 0);
  EXPECT_EQ(pairs[0].chosen->begin, 3);
  EXPECT_EQ(pairs[0].chosen->end, 4);
  EXPECT_EQ(pairs[0].rejected->episode, 1);
  EXPECT_NEAR(pairs[0].weight, 5. / 6, .01);  // P(Beta(2, 1) > Beta(1, 2))
  EXPECT_EQ(pairs[1].kind, PairKind::kSuffix);
  EXPECT_EQ(pairs[1].chosen->end, 5);
  EXPECT_EQ(pairs[2].kind, PairKind::kTrajectory);
  EXPECT_EQ(pairs[2].context_length, 0);
  EXPECT_EQ(pairs[2].weight, 1);
}

// Of several episodes that went through a branch its best stands for it, or its worst; the first of
// equals.
TEST(GroupPairs, ABranchIsShownByItsFirstBestOrWorst) {
  const PairOptions siblings{.kinds = {PairKind::kSibling}};
  std::vector<GroupEpisode> group;
  for (const double score : {0.5, 1.0, 1.0}) group.push_back(Rollout(score, {{"a", "x"}}));
  for (const double score : {0.5, -0.5, -0.5}) group.push_back(Rollout(score, {{"a", "y"}}));
  const auto pairs = GroupPairs(group, -1, 1, siblings);
  ASSERT_THAT(pairs, SizeIs(1));
  EXPECT_EQ(pairs[0].chosen->episode, 1);
  EXPECT_EQ(pairs[0].rejected->episode, 4);
}

TEST(GroupPairs, NoSiblingsWhereTheWorldDiffers) {
  const PairOptions siblings{.kinds = {PairKind::kSibling, PairKind::kSuffix}};
  EXPECT_THAT(GroupPairs(std::vector<GroupEpisode>{Rollout(1, {kAsk, {"", "sun"}, {"a", "x"}}),
                                                   Rollout(0, {kAsk, {"", "rain"}, {"a", "y"}})},
                         0, 1, siblings),
              IsEmpty());
  EXPECT_THAT(GroupPairs(std::vector<GroupEpisode>{Rollout(1, {kAsk, {"a", "x"}}),
                                                   Rollout(0, {kAsk, {"b", "y"}})},
                         0, 1, siblings),
              IsEmpty());
  std::vector<GroupEpisode> other_task = {Rollout(1, {{"a", "x"}}), Rollout(0, {{"a", "y"}})};
  other_task[1].task = "another";
  EXPECT_THAT(GroupPairs(other_task, 0, 1, {}), IsEmpty());
}

TEST(GroupPairs, TextsAreNeverPreferredBothWays) {
  const std::vector<GroupEpisode> group = {Rollout(1, {{"a", "m"}, {"a", "x"}}),
                                           Rollout(0, {{"a", "m"}, {"a", "y"}}),
                                           Rollout(.9, {{"a", "c"}, {"a", "z"}})};
  const auto pairs = GroupPairs(group, 0, 1, {.kinds = {PairKind::kSibling}});
  ASSERT_THAT(pairs, SizeIs(2));
  EXPECT_EQ(pairs[0].context_length, 1);  // x over y, gap 1
  EXPECT_EQ(pairs[1].context_length, 0);  // c (.9) over m (.5), never m over c
  EXPECT_EQ(pairs[1].chosen->episode, 2);
  EXPECT_EQ(pairs[1].rejected->episode, 1);
}

TEST(GroupPairs, MarginAndLimit) {
  std::vector<GroupEpisode> group;
  const std::vector<std::string> texts = {"a", "b", "c", "d"};
  for (int i = 0; i < 4; ++i) group.push_back(Rollout(i / 4.0, {{"a", texts[i]}}));
  EXPECT_THAT(GroupPairs(group, 0, 1, {.kinds = {PairKind::kSibling}}), SizeIs(6));
  EXPECT_THAT(GroupPairs(group, 0, 1, {.kinds = {PairKind::kSibling}, .margin = .5}), SizeIs(1));
  const auto two = GroupPairs(group, 0, 1, {.kinds = {PairKind::kTrajectory}, .max_pairs = 2});
  ASSERT_THAT(two, SizeIs(2));
  EXPECT_EQ(two[0].chosen->episode, 3);  // the widest gap first
  EXPECT_EQ(two[0].rejected->episode, 0);
}

TEST(GroupPairs, EqualEpisodesHaveNone) {
  EXPECT_THAT(GroupPairs(std::vector<GroupEpisode>{Rollout(1, {{"a", "m"}}),
                                                   Rollout(1, {{"a", "n"}}), Rollout(0, {})},
                         0, 1, {}),
              IsEmpty());
}

}  // namespace
}  // namespace assay::blame
