// What a wrapper keeps of one batch that passes through it: the batch's `done`, which is called
// once by whoever comes first, and the way to cancel the call inside.
#ifndef ASSAY_SERVER_EVALUATION_WRAPPERS_PENDING_CALL_H_
#define ASSAY_SERVER_EVALUATION_WRAPPERS_PENDING_CALL_H_

#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "server/base/mutex.h"
#include "server/evaluation/evaluator.h"

namespace assay::evaluation {

// Thread safe; held by shared_ptr.
class PendingCall {
 public:
  explicit PendingCall(BatchDone done) : done_(std::move(done)) {}

  // To be called when the inner call has ended: calls `before` and then `done`, after which
  // whatever the call used may be gone. Returns false, and does nothing, where somebody else was
  // first.
  bool Finish(
      absl::StatusOr<Answers> result, absl::FunctionRef<void()> before = [] {});
  // Cancels the inner call and then finishes with `status` in the same way.
  bool Abort(
      absl::Status status, absl::FunctionRef<void()> before = [] {});
  bool finished() const;

  // Takes the way to cancel the inner call number `attempt`; of several attempts the latest counts.
  // It is called at once where this call was aborted already.
  void Attach(int attempt, CancelFn cancel);

 private:
  mutable Mutex mutex_;
  BatchDone done_ ABSL_GUARDED_BY(mutex_);
  CancelFn cancel_ ABSL_GUARDED_BY(mutex_);
  int attempt_ ABSL_GUARDED_BY(mutex_) = -1;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace assay::evaluation

#endif  // ASSAY_SERVER_EVALUATION_WRAPPERS_PENDING_CALL_H_
