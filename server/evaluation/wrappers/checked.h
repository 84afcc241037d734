// An evaluator whose answers have passed CheckAnswers.
#ifndef ASSAY_SERVER_EVALUATION_WRAPPERS_CHECKED_H_
#define ASSAY_SERVER_EVALUATION_WRAPPERS_CHECKED_H_

#include <memory>

#include "server/evaluation/evaluator.h"

namespace assay::evaluation {

// INTERNAL, naming evaluator and path, where CheckAnswers finds a fault: the operator's evaluator
// is at fault, not the client, and another attempt may do better.
std::shared_ptr<Evaluator> Checked(std::shared_ptr<Evaluator> inner);

}  // namespace assay::evaluation

#endif  // ASSAY_SERVER_EVALUATION_WRAPPERS_CHECKED_H_
