// What every answer from outside must satisfy before an attribution sees it.
#ifndef ASSAY_SERVER_EVALUATION_ANSWER_CHECK_H_
#define ASSAY_SERVER_EVALUATION_ANSWER_CHECK_H_

#include "absl/status/status.h"
#include "server/evaluation/evaluator.h"

namespace assay::evaluation {

// Samples that are 0 become the number asked for.
// INVALID_ARGUMENT with the path of the first fault: not one answer a question; a mean that is not
// finite or lies outside the value range (by more than 1e-9 of it: less is rounding, and clipped);
// negative samples or a variance that is not finite or negative; scores that are not one a message,
// in [-1, 1].
absl::Status CheckAnswers(const Batch& batch, Answers* answers);

}  // namespace assay::evaluation

#endif  // ASSAY_SERVER_EVALUATION_ANSWER_CHECK_H_
