// One credit, placed on messages: the conserving projection with its fallbacks
// (proto/signals.md#projection).
#ifndef ASSAY_SERVER_SIGNALS_REWARDS_ALLOCATION_H_
#define ASSAY_SERVER_SIGNALS_REWARDS_ALLOCATION_H_

#include <vector>

#include "absl/status/statusor.h"

namespace assay::signals {

// What the projection knows of one message.
struct Claim {
  double raw_reward = 0;  // x: its reward if nothing had to be conserved
  double weight = 1;      // w > 0: how much of the remainder it may take
  double low = 0;         // bounds of its reward, within [-B, B]
  double high = 0;
};

// What to do where the bounds cannot hold the credit.
enum class WhenInfeasible {
  kRelaxSigns,  // every lower (upper) bound becomes -B (B)
  kLeaveOver,   // what they can hold is placed, the rest of the credit stays unallocated
};

struct Allocation {
  std::vector<double> rewards;  // one a claim; sum + unallocated = credit to rounding
  double unallocated = 0;
  bool signs_relaxed = false;
};

// Places `credit` on `claims` and writes relaxed bounds back into them. `bound` is B > 0.
// INVALID_ARGUMENT: a claim that is not finite or has weight <= 0 or low > high.
absl::StatusOr<Allocation> Allocate(std::vector<Claim>& claims, double credit, double bound,
                                    WhenInfeasible fallback);

}  // namespace assay::signals

#endif  // ASSAY_SERVER_SIGNALS_REWARDS_ALLOCATION_H_
