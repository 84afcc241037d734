// Owen values: what each message is worth, as marginal contributions within its author's credit.
#ifndef ASSAY_SERVER_SIGNALS_PHASES_OWEN_PHASE_H_
#define ASSAY_SERVER_SIGNALS_PHASES_OWEN_PHASE_H_

#include <memory>

#include "absl/status/statusor.h"
#include "server/signals/phases/detail_phase.h"

namespace assay::signals {

// Null where Owen values cannot be asked for or cost too much: the evaluator answers no `messages`
// questions, there are more messages than such a question can name, or the budget allows neither
// the exact values nor a sample that says more than scores would.
absl::StatusOr<std::unique_ptr<DetailPhase>> MakeOwenPhase(const DetailInputs& inputs,
                                                           const Findings& findings);

}  // namespace assay::signals

#endif  // ASSAY_SERVER_SIGNALS_PHASES_OWEN_PHASE_H_
