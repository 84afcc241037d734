#ifndef ASSAY_SERVER_BLAME_NODE_VALUES_H_
#define ASSAY_SERVER_BLAME_NODE_VALUES_H_

#include <vector>

#include "server/blame/evidence.h"

// The value of every node as rollouts tell it, regardless of how this one episode ended.
namespace assay::blame {

inline constexpr double kSharedLevel = 0.5;

struct NodeValue {
  double mean = 0;      // expected score at the node, in [low, high]
  double variance = 0;  // of the node's value about it; squared unit of the value
};

// One a node, T + 1. The posterior of the chain of states given the rollouts alone: the outcome,
// the scores of judges and the statements of the client are left out, and the prior is uniform, as
// all of these may follow from how the episode ended: a value that knows the end is no baseline.
// Half of the nodes are taken to have one rate a state in common (kSharedLevel in place of
// Parameters::shared_level), where CanShareLevels allows it: the rates of one episode are alike,
// and what differs by chance alone is no change of the value. Requires Validate(evidence).ok().
// O(T) times the pairs of rates.
std::vector<NodeValue> NodeValuesOfRollouts(const Evidence& evidence,
                                            const Parameters& parameters = {});

}  // namespace assay::blame

#endif  // ASSAY_SERVER_BLAME_NODE_VALUES_H_
