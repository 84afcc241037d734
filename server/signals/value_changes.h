// The change of the expected score across each message, as advantages take it.
#ifndef ASSAY_SERVER_SIGNALS_VALUE_CHANGES_H_
#define ASSAY_SERVER_SIGNALS_VALUE_CHANGES_H_

#include <optional>
#include <vector>

#include "server/signals/episode.h"
#include "server/signals/options.h"

namespace assay::signals {

struct Findings;

struct ValueChange {
  double mean = 0;      // value of the node behind the message less that of the node before it
  double variance = 0;  // from the rollouts behind the two; 0 where both values are exact
};

// The change across each message of the episode; unset for context and where one of the two nodes
// has no value. Empty where no node before the end has one. The value of a node is what the episode
// or an exact answer gives, or the posterior mean of its rollouts (blame::NodeValuesOfRollouts),
// which does not know how the episode ended; that of the last node is the score.
std::vector<std::optional<ValueChange>> ValueChanges(const Episode& episode, const Options& options,
                                                     const Findings& findings, double score);

}  // namespace assay::signals

#endif  // ASSAY_SERVER_SIGNALS_VALUE_CHANGES_H_
