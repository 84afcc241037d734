#ifndef ASSAY_TESTS_SIMULATION_BLAME_FINDERS_H_
#define ASSAY_TESTS_SIMULATION_BLAME_FINDERS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "server/blame/search.h"
#include "tests/simulation/blame/rollout_world.h"

// Ways to find the first error of a world with a budget of rollouts; each returns a message.
namespace assay::blame {

// FirstErrorSearch until the budget is spent, starting from what `evidence` knows.
int SearchFirstError(const World& world, Evidence evidence, int rollouts, int batch,
                     SplitMix& random, const Parameters& parameters = {});

// What a search decided, and what it cost.
struct Decision {
  std::optional<int> first, decisive;  // as claimed
  int likeliest_first = -1;
  double probability = 0;  // of that
  int rollouts = 0, failed = 0;
  std::vector<int> failed_nodes;
};

// FirstErrorSearch in an environment of which the share `flaky` of the rollouts fails. The k-th
// rollout from a node that is made ends the same however many failed before it.
Decision SearchFlaky(const World& world, const SearchOptions& options, double flaky, uint64_t seed);

// Believes each majority: the interval in which success was lost is halved until it is one message.
int BisectFirstError(const World& world, int rollouts, SplitMix& random);

// Spreads the rollouts over the nodes and takes the message with the largest drop of the mean.
int LargestDrop(const World& world, int rollouts, SplitMix& random);

}  // namespace assay::blame

#endif  // ASSAY_TESTS_SIMULATION_BLAME_FINDERS_H_
