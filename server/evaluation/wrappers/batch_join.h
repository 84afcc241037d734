// Joins the answers to the parts of one batch.
#ifndef ASSAY_SERVER_EVALUATION_WRAPPERS_BATCH_JOIN_H_
#define ASSAY_SERVER_EVALUATION_WRAPPERS_BATCH_JOIN_H_

#include <cstddef>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/types/span.h"
#include "server/base/mutex.h"
#include "server/evaluation/evaluator.h"

namespace assay::evaluation {

// Thread safe; held by shared_ptr.
class BatchJoin {
 public:
  using Positions = absl::Span<const size_t>;

  BatchJoin(Batch batch, BatchDone done);

  const Batch& batch() const { return batch_; }
  // The batch of the questions at `positions`.
  Batch Part(Positions positions) const;

  // Takes answers[i] as the answer to the question at positions[i]; the last part calls `done`. A
  // failure stops the whole batch. Ignored once the batch is over.
  void Deliver(Positions positions, absl::StatusOr<Answers> answers);

  // Cancels the parts that are on their way, then calls `done`. Ignored once the batch is over.
  void Stop(absl::Status status);
  bool stopped() const;

  // Takes the way to cancel a part, which is used at once where the batch was stopped already.
  void Attach(CancelFn cancel);

 private:
  const Batch batch_;
  BatchDone done_;  // of whoever sets over_
  mutable Mutex mutex_;
  bool over_ ABSL_GUARDED_BY(mutex_) = false;
  size_t left_ ABSL_GUARDED_BY(mutex_);
  Answers answers_;  // guarded by mutex_ until over_
  std::vector<CancelFn> cancels_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace assay::evaluation

#endif  // ASSAY_SERVER_EVALUATION_WRAPPERS_BATCH_JOIN_H_
