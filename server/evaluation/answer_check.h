// The checks that every answer from outside the server passes before an attribution sees it.
#ifndef ASSAY_SERVER_EVALUATION_ANSWER_CHECK_H_
#define ASSAY_SERVER_EVALUATION_ANSWER_CHECK_H_

#include "absl/status/status.h"
#include "server/evaluation/evaluator.h"

namespace assay::evaluation {

// Fills the number of samples where an answer leaves it at 0, with the number that was asked for,
// and moves a mean that lies outside the value range by rounding (at most 1e-9 of the range) to its
// edge. INVALID_ARGUMENT with the path of the first fault: there is not one answer for each
// question; a mean is not finite or lies outside the value range; the number of samples is
// negative; a variance is negative or not finite; message scores are not one for each message, in
// [-1, 1]. Of an answer with an `error` nothing is checked.
absl::Status CheckAnswers(const Batch& batch, Answers* answers);

// Why the batch as a whole has failed: the first Answer.error that is not one of a rollout that may
// pass. A rollout that failed by infrastructure says nothing of the team, and whoever asked decides
// whether to ask again.
absl::Status FailureOf(const Batch& batch, const Answers& answers);

}  // namespace assay::evaluation

#endif  // ASSAY_SERVER_EVALUATION_ANSWER_CHECK_H_
