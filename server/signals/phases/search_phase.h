// Failure: the active search for the first error, as a detail phase (proto/signals.md#failure).
#ifndef ASSAY_SERVER_SIGNALS_PHASES_SEARCH_PHASE_H_
#define ASSAY_SERVER_SIGNALS_PHASES_SEARCH_PHASE_H_

#include <memory>
#include <vector>

#include "server/signals/phases/detail_phase.h"

namespace assay::signals {

// Null where there is nothing to search with: the evaluator answers no `prefix` questions, or its
// prefix values are no forecasts of the end (vote replay), or the budget is spent.
// options.first_error.max_rollouts bounds the samples, and so does what an explicit
// estimator.max_questions leaves, which counts those that fail as well.
std::unique_ptr<DetailPhase> MakeSearchPhase(const DetailInputs& inputs,
                                             const std::vector<double>& credit,
                                             const Findings& findings);

}  // namespace assay::signals

#endif  // ASSAY_SERVER_SIGNALS_PHASES_SEARCH_PHASE_H_
