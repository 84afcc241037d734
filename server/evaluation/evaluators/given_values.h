// The evaluator of episodes that carry the value of every coalition themselves.
#ifndef ASSAY_SERVER_EVALUATION_EVALUATORS_GIVEN_VALUES_H_
#define ASSAY_SERVER_EVALUATION_EVALUATORS_GIVEN_VALUES_H_

#include <memory>

#include "server/evaluation/evaluator.h"

namespace assay::evaluation {

// Answers coalition questions in O(1), and all coalitions by the episode's own table, not copied.
// FAILED_PRECONDITION: the episode has no values.
std::shared_ptr<LocalEvaluator> MakeGivenValues();

}  // namespace assay::evaluation

#endif  // ASSAY_SERVER_EVALUATION_EVALUATORS_GIVEN_VALUES_H_
