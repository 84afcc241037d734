#include "server/evaluation/evaluator.h"

#include <utility>

namespace assay::evaluation {

CancelFn LocalEvaluator::Evaluate(Batch batch, BatchDone done) {
  const auto replay = Prepare(batch.context);
  Answers answers(batch.questions.size());
  const absl::Status status =
      replay.ok() ? (*replay)->Answer(batch.questions, absl::MakeSpan(answers)) : replay.status();
  if (status.ok()) {
    done(std::move(answers));
  } else {
    done(status);
  }
  return [] {};
}

}  // namespace assay::evaluation
