#ifndef ASSAY_TESTS_SIMULATION_BLAME_FINDERS_H_
#define ASSAY_TESTS_SIMULATION_BLAME_FINDERS_H_

#include "tests/simulation/blame/rollout_world.h"

// Ways to find the first error of a world with a budget of rollouts; each returns a message.
namespace assay::blame {

// FirstErrorSearch until the budget is spent, starting from what `evidence` knows.
int SearchFirstError(const World& world, Evidence evidence, int rollouts, int batch,
                     SplitMix& random, const Parameters& parameters = {});

// Believes each majority: the interval in which success was lost is halved until it is one message.
int BisectFirstError(const World& world, int rollouts, SplitMix& random);

// Spreads the rollouts over the nodes and takes the message with the largest drop of the mean.
int LargestDrop(const World& world, int rollouts, SplitMix& random);

}  // namespace assay::blame

#endif  // ASSAY_TESTS_SIMULATION_BLAME_FINDERS_H_
