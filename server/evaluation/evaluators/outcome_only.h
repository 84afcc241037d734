// The evaluator of episodes of which only the outcome is known. It answers no question, so that an
// attribution rests on the episode alone.
#ifndef ASSAY_SERVER_EVALUATION_EVALUATORS_OUTCOME_ONLY_H_
#define ASSAY_SERVER_EVALUATION_EVALUATORS_OUTCOME_ONLY_H_

#include <memory>

#include "server/evaluation/evaluator.h"

namespace assay::evaluation {

// Supports no kind of question. UNIMPLEMENTED: a question was asked nevertheless.
std::shared_ptr<LocalEvaluator> MakeOutcomeOnly();

}  // namespace assay::evaluation

#endif  // ASSAY_SERVER_EVALUATION_EVALUATORS_OUTCOME_ONLY_H_
