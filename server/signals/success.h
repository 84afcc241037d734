// Success: from agent credit to message rewards (proto/signals.md#rewards-of-a-success).
#ifndef ASSAY_SERVER_SIGNALS_SUCCESS_H_
#define ASSAY_SERVER_SIGNALS_SUCCESS_H_

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/blame/labels.h"
#include "server/signals/allocation.h"
#include "server/signals/episode.h"
#include "server/signals/options.h"

namespace assay::signals {

// What is known of the messages beside their text. Vectors over all T messages.
struct LocalEvidence {
  std::vector<double> redundancy;                  // rho_t, 0 for context
  std::vector<std::optional<double>> scores;       // q_t
  std::vector<std::optional<double>> node_values;  // V_0..V_T: T + 1 entries
  std::vector<double> owen;                        // Owen value a message; empty: not asked
  // Labels that rest on located errors; empty: none. Their sign bounds take precedence.
  std::vector<blame::Label> labels;
};

// The evidence that the rewards will rest on: what the options ask for, or the first that applies.
// FAILED_PRECONDITION (field message_rewards.evidence): the kind asked for is not there.
absl::StatusOr<Evidence> ChooseEvidence(const Episode& episode, const LocalEvidence& local,
                                        Evidence asked);

// The claims of the agents' messages `indices` on one `credit`: an agent's, or in OutcomeOnly the
// whole episode's.
std::vector<Claim> SuccessClaims(const Episode& episode, const LocalEvidence& local,
                                 absl::Span<const int> indices, Evidence evidence, double credit,
                                 const Options& options);

}  // namespace assay::signals

#endif  // ASSAY_SERVER_SIGNALS_SUCCESS_H_
