#include "server/evaluation/wrappers/pending_call.h"

namespace assay::evaluation {

bool PendingCall::Finish(absl::StatusOr<Answers> result, absl::FunctionRef<void()> before) {
  BatchDone done;
  CancelFn unused;
  {
    MutexLock lock(&mutex_);
    if (finished_) return false;
    finished_ = true;
    done = std::move(done_);
    unused = std::move(cancel_);
  }
  before();
  done(std::move(result));
  return true;
}

bool PendingCall::Abort(absl::Status status, absl::FunctionRef<void()> before) {
  BatchDone done;
  CancelFn cancel;
  {
    MutexLock lock(&mutex_);
    if (finished_) return false;
    finished_ = true;
    done = std::move(done_);
    cancel = std::move(cancel_);
  }
  if (cancel) cancel();
  before();
  done(std::move(status));
  return true;
}

bool PendingCall::finished() const {
  MutexLock lock(&mutex_);
  return finished_;
}

void PendingCall::Attach(int attempt, CancelFn cancel) {
  {
    MutexLock lock(&mutex_);
    if (!finished_) {
      if (attempt < attempt_) return;
      attempt_ = attempt;
      cancel_.swap(cancel);
      return;
    }
  }
  cancel();
}

}  // namespace assay::evaluation
