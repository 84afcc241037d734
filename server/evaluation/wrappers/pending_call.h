// What a wrapper keeps of one batch on its way through it: `done` once, whoever comes first, and
// the way to cancel what runs inside.
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

  // The inner call has ended: calls `before`, then `done`, after which whatever the call used may
  // be gone. False: somebody was first, and nothing happens.
  bool Finish(
      absl::StatusOr<Answers> result, absl::FunctionRef<void()> before = [] {});
  // Stops the inner call, then the same with `status`.
  bool Abort(
      absl::Status status, absl::FunctionRef<void()> before = [] {});
  bool finished() const;

  // How to stop inner call number `attempt`; of several attempts the highest counts. Run at once
  // where this was aborted already.
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
