// The two passes over a chain, forward and backward.
#ifndef ASSAY_SERVER_BLAME_PASSES_H_
#define ASSAY_SERVER_BLAME_PASSES_H_

#include <vector>

#include "absl/container/inlined_vector.h"
#include "server/blame/chain.h"

namespace assay::blame {

// One number for each node. Those of a short chain need no allocation.
using NodeNumbers = absl::InlinedVector<double, 16>;

// Each step is scaled to probability one, so that a long chain loses no digits: the logarithms stay
// small, and log_step[j] is what node j took off.
struct Pass {
  explicit Pass(int messages) : high(messages + 1), low(messages + 1) {}
  NodeNumbers high, low;  // T + 1
};

// Where the factors contradict each other, the entries of log_step from there on are minus
// infinity.
Pass Forward(const Chain& chain, NodeNumbers& log_step);
// The backward pass. The factors of the chain must not contradict each other.
Pass Backward(const Chain& chain, const NodeNumbers& log_step);

// P(High at node j), T + 1 numbers.
std::vector<double> HighStates(const Pass& forward, const Pass& backward);

// exp, at most 1: rounding may carry it just past.
double Probability(double log_probability);

}  // namespace assay::blame

#endif  // ASSAY_SERVER_BLAME_PASSES_H_
