#include "server/evaluation/wrappers/checked.h"

#include <utility>

#include "server/evaluation/answer_check.h"

namespace assay::evaluation {
namespace {

class CheckedEvaluator final : public Evaluator {
 public:
  explicit CheckedEvaluator(std::shared_ptr<Evaluator> inner) : inner_(std::move(inner)) {}

  absl::string_view name() const override { return inner_->name(); }
  const signals::EvaluatorTraits& traits() const override { return inner_->traits(); }

  CancelFn Evaluate(Batch batch, BatchDone done) override {
    Batch copy = batch;
    return inner_->Evaluate(std::move(copy), [batch = std::move(batch), done = std::move(done)](
                                                 absl::StatusOr<Answers> answers) mutable {
      if (answers.ok()) {
        absl::Status failure = FailureOf(batch, *answers);
        if (!failure.ok()) answers = std::move(failure);
      }
      if (answers.ok()) {
        const absl::Status status = CheckAnswers(batch, &*answers);
        if (!status.ok()) answers = absl::InternalError(status.message());
      }
      done(std::move(answers));
    });
  }

 private:
  const std::shared_ptr<Evaluator> inner_;
};

}  // namespace

std::shared_ptr<Evaluator> Checked(std::shared_ptr<Evaluator> inner) {
  return std::make_shared<CheckedEvaluator>(std::move(inner));
}

}  // namespace assay::evaluation
