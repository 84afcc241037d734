// Success: from agent credit to message rewards (proto/signals.md#rewards-of-a-success).
#ifndef ASSAY_SERVER_SIGNALS_REWARDS_SUCCESS_H_
#define ASSAY_SERVER_SIGNALS_REWARDS_SUCCESS_H_

#include <vector>

#include "absl/types/span.h"
#include "server/signals/episode.h"
#include "server/signals/options.h"
#include "server/signals/rewards/allocation.h"
#include "server/signals/rewards/evidence_kinds.h"

namespace assay::signals {

// The claims of the agents' messages `indices` on one `credit`: an agent's, or in OutcomeOnly the
// whole episode's.
std::vector<Claim> SuccessClaims(const Episode& episode, const MessageFacts& facts,
                                 absl::Span<const int> indices, EvidenceKind kind, double credit,
                                 const Options& options);

}  // namespace assay::signals

#endif  // ASSAY_SERVER_SIGNALS_REWARDS_SUCCESS_H_
