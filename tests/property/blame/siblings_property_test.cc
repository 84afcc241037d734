#include <set>
#include <string>

#include "gtest/gtest.h"
#include "rapidcheck.h"
#include "server/blame/pairs/pairs.h"

namespace assay::blame {
namespace {

constexpr absl::string_view kTexts[] = {"a", "b", "ab", ""};
constexpr absl::string_view kAgents[] = {"", "x", "y"};

std::vector<GroupEpisode> AnyGroup() {
  std::vector<GroupEpisode> group(*rc::gen::inRange(0, 6));
  for (GroupEpisode& episode : group) {
    episode.task = kTexts[*rc::gen::inRange(0, 2)];
    episode.score = *rc::gen::inRange(0, 5) / 4.0;
    episode.turns.resize(*rc::gen::inRange(0, 6));
    for (GroupTurn& turn : episode.turns) {
      turn = {kAgents[*rc::gen::inRange(0, 3)], kTexts[*rc::gen::inRange(0, 4)]};
    }
  }
  return group;
}

bool Same(const GroupTurn& a, const GroupTurn& b) {
  return a.agent == b.agent && a.content == b.content;
}

TEST(GroupPairsProperty, BothSidesContinueTheSameContext) {
  EXPECT_TRUE(rc::check([] {
    const auto group = AnyGroup();
    const double margin = *rc::gen::element(0.0, 0.3);
    PairOptions options;
    options.margin = margin;
    for (const Pair& pair : GroupPairs(group, 0, 1, options)) {
      const GroupEpisode& good = group[pair.chosen->episode];
      const GroupEpisode& bad = group[pair.rejected->episode];
      RC_ASSERT(good.task == bad.task);
      RC_ASSERT(pair.context_episode == pair.chosen->episode);
      for (int t = 0; t < pair.context_length; ++t) RC_ASSERT(Same(good.turns[t], bad.turns[t]));
      for (const PairSide& side : {*pair.chosen, *pair.rejected}) {
        RC_ASSERT(side.begin == pair.context_length && side.begin < side.end);
        RC_ASSERT(side.end <= static_cast<int>(group[side.episode].turns.size()));
        RC_ASSERT(!side.alternative);
      }
      RC_ASSERT(pair.weight > 0 && pair.weight <= 1);
      if (pair.kind == PairKind::kTrajectory) continue;
      const GroupTurn& chosen = good.turns[pair.context_length];
      const GroupTurn& rejected = bad.turns[pair.context_length];
      RC_ASSERT(!chosen.agent.empty() && chosen.agent == rejected.agent);
      RC_ASSERT(chosen.content != rejected.content);
      if (pair.kind == PairKind::kSuffix) RC_ASSERT(good.score > bad.score + margin);
    }
  }));
}

TEST(GroupPairsProperty, NoTextIsPreferredBothWays) {
  EXPECT_TRUE(rc::check([] {
    const auto group = AnyGroup();
    std::set<std::string> seen;
    const auto key = [&](const Pair& pair, bool swapped) {
      std::string out = std::string(group[pair.context_episode].task) + "|";
      for (int t = 0; t < pair.context_length; ++t) {
        const GroupTurn& turn = group[pair.context_episode].turns[t];
        out += std::string(turn.agent) + ":" + std::string(turn.content) + "|";
      }
      const auto text = [&](const PairSide& side) {
        const GroupTurn& turn = group[side.episode].turns[side.begin];
        return std::string(turn.agent) + ":" + std::string(turn.content);
      };
      const std::string a = text(*pair.chosen), b = text(*pair.rejected);
      return out + ">" + (swapped ? b + ">" + a : a + ">" + b);
    };
    for (const Pair& pair : GroupPairs(group, 0, 1, {.kinds = {PairKind::kSibling}})) {
      RC_ASSERT(seen.count(key(pair, true)) == 0u);
      RC_ASSERT(seen.insert(key(pair, false)).second);
    }
  }));
}

}  // namespace
}  // namespace assay::blame
