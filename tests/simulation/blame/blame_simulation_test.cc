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

struct FlakyTally {
  int same = 0, given_up = 0, claims = 0, right = 0, sure = 0, surely_wrong = 0, found = 0;
};

// Traces of one agent of 16 messages and its tools, searched with 24 rollouts.
FlakyTally SearchToolTraces(double flaky, int episodes) {
  FlakyTally tally;
  for (int i = 0; i < episodes; ++i) {
    const uint64_t seed = 1000003 * static_cast<uint64_t>(i + 1);
    SplitMix random(seed);
    const World world = WithTools(MakeWorld(16, random));
    const Decision steady = SearchFlaky(world, {.max_rollouts = 24}, 0, seed);
    const Decision decision = SearchFlaky(world, {.max_rollouts = 24}, flaky, seed);
    EXPECT_LE(decision.rollouts, 24);
    EXPECT_LE(decision.rollouts + decision.failed, 48);
    if (decision.failed_nodes.empty()) {
      EXPECT_EQ(decision.first, steady.first) << "seed " << seed;
      EXPECT_EQ(decision.decisive, steady.decisive) << "seed " << seed;
      ++tally.same;
    } else {
      ++tally.given_up;
    }
    tally.found += decision.likeliest_first == world.first_error;
    const bool right = decision.first == world.first_error;
    tally.claims += decision.first.has_value();
    tally.right += right;
    EXPECT_EQ(decision.first.value_or(0) % 2, 0) << "a tool was blamed";
    const bool sure = decision.first.has_value() && decision.probability >= .9;
    tally.sure += sure;
    tally.surely_wrong += sure && !right;
  }
  return tally;
}

// What fails by infrastructure is asked again, so the decision is that of an environment that never
// fails, but where a node was given up.
TEST(FlakyEnvironments, TheSameErrorOfAToolTraceIsFound) {
  const FlakyTally steady = SearchToolTraces(0, kEpisodes);
  EXPECT_EQ(steady.given_up, 0);
  for (const double flaky : {.1, .2, .3}) {
    const FlakyTally tally = SearchToolTraces(flaky, kEpisodes);
    std::printf(
        "flaky %.1f: found %d (steady %d) of %d, claims %d right %d, sure %d wrong %d, given up "
        "%d\n",
        flaky, tally.found, steady.found, kEpisodes, tally.claims, tally.right, tally.sure,
        tally.surely_wrong, tally.given_up);
    EXPECT_LE(tally.given_up, kEpisodes / 20);
    EXPECT_NEAR(tally.found, steady.found, kEpisodes / 50.);
    EXPECT_LE(tally.surely_wrong, .1 * tally.sure);
  }
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
