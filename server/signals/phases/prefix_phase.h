// The values of the nodes before and after each of the agents' messages.
#ifndef ASSAY_SERVER_SIGNALS_PHASES_PREFIX_PHASE_H_
#define ASSAY_SERVER_SIGNALS_PHASES_PREFIX_PHASE_H_

#include <memory>

#include "absl/status/statusor.h"
#include "server/signals/phases/detail_phase.h"

namespace assay::signals {

// Null where no node lacks a value, where the missing ones cost more than the budget allows, or
// where the evaluator answers no `prefix` questions. Where questions cost something they are asked
// only if `message_rewards.evidence` names prefix values.
absl::StatusOr<std::unique_ptr<DetailPhase>> MakePrefixPhase(const DetailInputs& inputs,
                                                             const Findings& findings);

}  // namespace assay::signals

#endif  // ASSAY_SERVER_SIGNALS_PHASES_PREFIX_PHASE_H_
