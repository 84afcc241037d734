// Bounds the time of one call of an evaluator.
#ifndef ASSAY_SERVER_EVALUATION_WRAPPERS_DEADLINE_H_
#define ASSAY_SERVER_EVALUATION_WRAPPERS_DEADLINE_H_

#include <memory>

#include "server/base/timers.h"
#include "server/evaluation/evaluator.h"

namespace assay::evaluation {

// DEADLINE_EXCEEDED where the inner evaluator has not answered within `timeout`, or by the batch's
// own deadline if that is sooner; the inner call is cancelled then. `timers` must outlive every
// call.
std::shared_ptr<Evaluator> WithDeadline(std::shared_ptr<Evaluator> inner, absl::Duration timeout,
                                        Timers* timers);

}  // namespace assay::evaluation

#endif  // ASSAY_SERVER_EVALUATION_WRAPPERS_DEADLINE_H_
