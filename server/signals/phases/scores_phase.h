// Process scores of the messages from the evaluator itself.
#ifndef ASSAY_SERVER_SIGNALS_PHASES_SCORES_PHASE_H_
#define ASSAY_SERVER_SIGNALS_PHASES_SCORES_PHASE_H_

#include <memory>

#include "absl/status/statusor.h"
#include "server/signals/phases/detail_phase.h"

namespace assay::signals {

// Null unless the evaluator is vote replay, which knows whether each message's answer was right,
// and no message has a score yet. Other evaluators are asked for scores with the first questions of
// an attribution.
absl::StatusOr<std::unique_ptr<DetailPhase>> MakeScoresPhase(const DetailInputs& inputs,
                                                             const Findings& findings);

}  // namespace assay::signals

#endif  // ASSAY_SERVER_SIGNALS_PHASES_SCORES_PHASE_H_
