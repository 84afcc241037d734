// Floors under the figures of server/blame/MEASURED.md: far enough below them that chance does not
// break them, near enough that a mistake does.
#include <gtest/gtest.h>

#include <functional>

#include "tests/simulation/blame/finders.h"
#include "tests/simulation/blame/whowhen.h"

namespace assay::blame {
namespace {

constexpr int kEpisodes = 300;

double ShareFound(int messages, const std::function<int(const World&, SplitMix&)>& find) {
  int found = 0;
  for (int i = 0; i < kEpisodes; ++i) {
    SplitMix random(static_cast<uint64_t>(i) + 1);
    const World world = MakeWorld(messages, random);
    found += find(world, random) == world.first_error;
  }
  return static_cast<double>(found) / kEpisodes;
}

double Search(int rollouts, bool scores) {
  return ShareFound(64, [&](const World& world, SplitMix& random) {
    Evidence evidence = EvidenceOf(world);
    if (scores) evidence.scores = ScoreWorld(world, .85, .63, random);
    return SearchFirstError(world, std::move(evidence), rollouts, 1, random);
  });
}

TEST(SearchSimulation, FindsTheVeryMessageAndBeatsPlainerWays) {
  const double search24 = Search(24, false), search48 = Search(48, false);
  EXPECT_GT(search24, .53);
  EXPECT_GT(search48, .66);
  EXPECT_GT(Search(12, true), .60);
  EXPECT_GT(Search(24, true), .70);
  const auto bisect = [](int rollouts) {
    return ShareFound(64, [=](const World& world, SplitMix& random) {
      return BisectFirstError(world, rollouts, random);
    });
  };
  EXPECT_GT(search24, bisect(24));
  EXPECT_GT(search48, bisect(48));
  EXPECT_GT(search48, ShareFound(64, [](const World& world, SplitMix& random) {
              return LargestDrop(world, 48, random);
            }));
}

TEST(WhoWhen, TextAloneBeatsChanceByFar) {
  const WhoWhenTally tally = CrossValidateWhoWhen(1, 1, {.ridge = 30});
  if (tally.tries == 0) GTEST_SKIP() << "no shared data";
  EXPECT_GT(tally.step / tally.tries, .38);
  EXPECT_GT(tally.agent / tally.tries, .57);
  EXPECT_GT(tally.covered / tally.tries, .72);
  EXPECT_LT(tally.covered / tally.tries, .92);
  EXPECT_GT(tally.right_claims / tally.claims, .5);
}

}  // namespace
}  // namespace assay::blame
