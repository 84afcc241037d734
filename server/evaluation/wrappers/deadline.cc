#include "server/evaluation/wrappers/deadline.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/evaluation/wrappers/pending_call.h"

namespace assay::evaluation {
namespace {

class DeadlineEvaluator final : public Evaluator {
 public:
  DeadlineEvaluator(std::shared_ptr<Evaluator> inner, absl::Duration timeout, Timers* timers)
      : inner_(std::move(inner)), timeout_(timeout), timers_(timers) {}

  absl::string_view name() const override { return inner_->name(); }
  const signals::EvaluatorTraits& traits() const override { return inner_->traits(); }

  CancelFn Evaluate(Batch batch, BatchDone done) override {
    const absl::Time now = timers_->Now();
    batch.deadline = std::min(batch.deadline, now + timeout_);
    if (batch.deadline == absl::InfiniteFuture()) {
      return inner_->Evaluate(std::move(batch), std::move(done));
    }
    const absl::Duration left = batch.deadline - now;
    auto call = std::make_shared<PendingCall>(std::move(done));
    const Timers::TimerId timer = timers_->After(
        left, [call, message = absl::StrCat("no answer within ", absl::FormatDuration(left))] {
          call->Abort(absl::DeadlineExceededError(message));
        });
    call->Attach(0, inner_->Evaluate(std::move(batch), [call, timers = timers_,
                                                        timer](absl::StatusOr<Answers> answers) {
      call->Finish(std::move(answers), [&] { timers->Cancel(timer); });
    }));
    return [call, timers = timers_, timer] {
      call->Abort(absl::CancelledError("cancelled"), [&] { timers->Cancel(timer); });
    };
  }

 private:
  const std::shared_ptr<Evaluator> inner_;
  const absl::Duration timeout_;
  Timers* const timers_;
};

}  // namespace

std::shared_ptr<Evaluator> WithDeadline(std::shared_ptr<Evaluator> inner, absl::Duration timeout,
                                        Timers* timers) {
  return std::make_shared<DeadlineEvaluator>(std::move(inner), timeout, timers);
}

}  // namespace assay::evaluation
