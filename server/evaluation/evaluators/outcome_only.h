// No counterfactuals: an attribution finds nothing that it may ask.
#ifndef ASSAY_SERVER_EVALUATION_EVALUATORS_OUTCOME_ONLY_H_
#define ASSAY_SERVER_EVALUATION_EVALUATORS_OUTCOME_ONLY_H_

#include <memory>

#include "server/evaluation/evaluator.h"

namespace assay::evaluation {

// Supports no kind of question; whatever is asked all the same is UNIMPLEMENTED.
std::shared_ptr<LocalEvaluator> MakeOutcomeOnly();

}  // namespace assay::evaluation

#endif  // ASSAY_SERVER_EVALUATION_EVALUATORS_OUTCOME_ONLY_H_
