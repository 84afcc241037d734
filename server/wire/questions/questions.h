// Questions and answers between the domain and the messages of EvaluatorService.
#ifndef ASSAY_SERVER_WIRE_QUESTIONS_QUESTIONS_H_
#define ASSAY_SERVER_WIRE_QUESTIONS_QUESTIONS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "assay/v1/error.pb.h"
#include "assay/v1/evaluator_service.pb.h"
#include "server/evaluation/evaluator.h"

namespace assay::evaluation {

void QuestionToWire(const signals::Question& question, const EpisodeContext& context,
                    v1::Counterfactual* wire);

// Fills everything but the evaluation's id and the episodes themselves. `now` is needed to turn the
// deadline into the time that is left.
void BatchToWire(const Batch& batch, absl::Time now, v1::EvaluateRequest* wire);

// The members of a group that the questions of a batch name, ascending; empty for an episode.
std::vector<int> NamedMembers(const Batch& batch);

// The answers to a batch, or its error, or INVALID_ARGUMENT where it is neither.
absl::StatusOr<Answers> AnswersFromWire(const v1::EvaluateResponse& response);

// The error as a status. Its code is UNKNOWN where it is not one of gRPC's; its message is cut and
// cleaned by SafeText.
absl::Status StatusFromWire(const v1::Error& error);

}  // namespace assay::evaluation

#endif  // ASSAY_SERVER_WIRE_QUESTIONS_QUESTIONS_H_
