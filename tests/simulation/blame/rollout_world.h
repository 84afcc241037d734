#ifndef ASSAY_TESTS_SIMULATION_BLAME_ROLLOUT_WORLD_H_
#define ASSAY_TESTS_SIMULATION_BLAME_ROLLOUT_WORLD_H_

#include <vector>

#include "server/blame/posterior.h"
#include "tests/simulation/blame/splitmix.h"

namespace assay::blame {

// A failed episode of which everything is known. Success from a node is about .67 before the first
// error and about .08 after it, different in each episode, and drifts from node to node. In 30 % of
// the episodes it recovers to .8 .. 1 of its former level for a while (two nodes or T/8 at least),
// and is lost again.
struct World {
  std::vector<double> success;  // T + 1: chance of success of a rollout from node j
  int first_error = 0;
  int repair = -1;   // the message that recovers; -1: none does
  int relapse = -1;  // the message that loses it again

  // One agent's messages take turns with the replies of its tools, which are context.
  bool tools = false;

  int messages() const { return static_cast<int>(success.size()) - 1; }
};

// T >= 4.
World MakeWorld(int messages, SplitMix& random);

// The world as the trace of an agent that calls a tool with each message but the last: n messages
// become 2 n - 1, and no reply of a tool changes anything.
World WithTools(const World& world);

// One score a message, whose area under the ROC curve for "this message is wrong" is `auc`, as
// calibrated probabilities with a base rate of 1/2. Wrong are the first error and, of the messages
// after it, `propagated` of those in a Low state.
std::vector<Score> ScoreWorld(const World& world, double auc, double propagated, SplitMix& random);

// The failure as evidence, nothing known yet but who spoke: one agent, and its tools.
Evidence EvidenceOf(const World& world);

}  // namespace assay::blame

#endif  // ASSAY_TESTS_SIMULATION_BLAME_ROLLOUT_WORLD_H_
