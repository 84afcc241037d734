#include "server/blame/pairs/peers.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace assay::blame {
namespace {

PeerTurn Says(absl::string_view agent, absl::string_view content, int round,
              std::optional<double> value = std::nullopt, double std_error = 0) {
  return {{agent, content}, round, value, std_error};
}

PeerEpisode Of(std::vector<PeerTurn> turns) { return {"task", false, std::move(turns)}; }

std::vector<Pair> Pairs(const std::vector<PeerEpisode>& episodes, double margin = 0) {
  return PeerPairs(episodes, 0, 1, {.kinds = {PairKind::kPeer}, .margin = margin});
}

TEST(ReadLengths, CountsWhatTheAuthorHadRead) {
  // Context, a round in parallel, a round after it.
  EXPECT_EQ(ReadLengths(Of({Says("", "ctx", 0), Says("a", "1", 1), Says("b", "2", 1),
                            Says("a", "3", 2), Says("b", "4", 2)})),
            (std::vector<int>{-1, 1, 1, 3, 3}));
  // Without rounds the later one had read the earlier.
  EXPECT_EQ(ReadLengths(Of({Says("a", "1", 0), Says("b", "2", 0)})), (std::vector<int>{0, 1}));
  // Its own earlier message; where another one that it had not read stands before that, its own is
  // not how the episode begins.
  EXPECT_EQ(ReadLengths(Of({Says("a", "1", 1), Says("b", "2", 1), Says("a", "3", 1)})),
            (std::vector<int>{0, 0, 1}));
  EXPECT_EQ(ReadLengths(Of({Says("b", "2", 1), Says("a", "1", 1), Says("a", "3", 1)})),
            (std::vector<int>{0, 0, -1}));
  // A tool's reply between.
  EXPECT_EQ(ReadLengths(Of({Says("a", "1", 1), Says("", "tool", 0), Says("b", "2", 1)})),
            (std::vector<int>{0, -1, -1}));
  // A lower round that stands behind.
  EXPECT_EQ(ReadLengths(Of({Says("a", "1", 2), Says("b", "2", 1)})), (std::vector<int>{-1, 0}));
  PeerEpisode parallel = Of({Says("a", "1", 0), Says("b", "2", 0), Says("c", "3", 5)});
  parallel.parallel = true;
  EXPECT_EQ(ReadLengths(parallel), (std::vector<int>{0, 0, 0}));
}

TEST(PeerPairs, PrefersTheMessageThatIsWorthMost) {
  const std::vector<PeerEpisode> group = {Of({Says("a", "good", 1, .75), Says("b", "x", 1, .5)}),
                                          Of({Says("a", "bad", 1, .25), Says("b", "x", 1, .1)}),
                                          Of({Says("a", "fair", 1, .5), Says("b", "y", 1, .4)})};
  const std::vector<Pair> pairs = Pairs(group);
  ASSERT_EQ(pairs.size(), 3u);  // b's x is not rejected for x
  EXPECT_EQ(pairs[0].kind, PairKind::kPeer);
  EXPECT_EQ(pairs[0].chosen->episode, 0);
  EXPECT_EQ(pairs[0].rejected->episode, 1);
  EXPECT_EQ(pairs[0].context_episode, 0);
  EXPECT_EQ(pairs[0].context_length, 0);
  EXPECT_EQ(pairs[0].weight, 1);
  EXPECT_EQ(pairs[1].rejected->episode, 2);
  EXPECT_EQ(pairs[1].rejected->begin, 0);
  EXPECT_EQ(pairs[2].chosen->episode, 0);
  EXPECT_EQ(pairs[2].chosen->begin, 1);
  EXPECT_EQ(pairs[2].chosen->end, 2);
  EXPECT_EQ(pairs[2].rejected->episode, 2);
  EXPECT_EQ(Pairs(group, .2).size(), 2u);
  EXPECT_EQ(Pairs(group, .5).size(), 0u);
}

TEST(PeerPairs, LetsTiesTakeTurns) {
  std::vector<PeerEpisode> group;
  for (const char* text : {"p", "q"}) group.push_back(Of({Says("a", text, 1, 1)}));
  for (const char* text : {"u", "v", "w"}) group.push_back(Of({Says("a", text, 1, 0)}));
  std::vector<int> chosen;
  for (const Pair& pair : Pairs(group)) chosen.push_back(pair.chosen->episode);
  EXPECT_EQ(chosen, (std::vector<int>{0, 0, 1}));
}

TEST(PeerPairs, WeighsByTheStandardErrors) {
  const std::vector<PeerEpisode> group = {Of({Says("a", "good", 1, .5, .3)}),
                                          Of({Says("a", "bad", 1, 0, .4)})};
  ASSERT_EQ(Pairs(group).size(), 1u);
  EXPECT_NEAR(Pairs(group)[0].weight, 0.5 * std::erfc(-1 / std::sqrt(2.0)), 1e-12);
}

TEST(PeerPairs, ComparesOnlyWhatContinuesTheSameContext) {
  const auto pairs = [](PeerEpisode a, PeerEpisode b) {
    return Pairs({std::move(a), std::move(b)}).size();
  };
  EXPECT_EQ(pairs(Of({Says("", "c", 0), Says("a", "1", 0, 1)}),
                  Of({Says("", "c", 0), Says("a", "2", 0, 0)})),
            1u);
  EXPECT_EQ(pairs(Of({Says("", "c", 0), Says("a", "1", 0, 1)}),
                  Of({Says("", "d", 0), Says("a", "2", 0, 0)})),
            0u);
  EXPECT_EQ(pairs(Of({Says("b", "c", 0), Says("a", "1", 0, 1)}),
                  Of({Says("", "c", 0), Says("a", "2", 0, 0)})),
            0u);
  // In parallel a does not read b, wherever b stands.
  EXPECT_EQ(pairs(Of({Says("b", "c", 1), Says("a", "1", 1, 1)}),
                  Of({Says("a", "2", 1, 0), Says("b", "d", 1)})),
            1u);
  PeerEpisode other = Of({Says("a", "2", 0, 0)});
  other.task = "another";
  EXPECT_EQ(pairs(Of({Says("a", "1", 0, 1)}), other), 0u);
  EXPECT_EQ(pairs(Of({Says("a", "1", 0, 1)}), Of({Says("b", "2", 0, 0)})), 0u);
  // Nothing is known of one of the two.
  EXPECT_EQ(pairs(Of({Says("a", "1", 0, 1)}), Of({Says("a", "2", 0)})), 0u);
}

}  // namespace
}  // namespace assay::blame
