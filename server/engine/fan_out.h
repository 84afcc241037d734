// Spreads the questions of a local evaluator over the workers.
#ifndef ASSAY_SERVER_ENGINE_FAN_OUT_H_
#define ASSAY_SERVER_ENGINE_FAN_OUT_H_

#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "server/base/mutex.h"
#include "server/engine/executor.h"
#include "server/evaluation/evaluator.h"

namespace assay::engine {

// One batch on its way. The worker that starts it works alone at first and calls other workers for
// help once the work has taken long, so that short batches are never handed over.
class FanOut : public std::enable_shared_from_this<FanOut> {
 public:
  FanOut(Executor* executor, std::shared_ptr<const evaluation::EpisodeReplay> replay,
         std::vector<signals::Question> questions, evaluation::BatchDone done);

  // Works on the calling worker; `done` is called once, by whichever worker answers last. Of
  // several failures the first question's is told.
  void Start();
  // What has not begun is given up, and the batch ends CANCELLED.
  void Stop() { stopped_.store(true, std::memory_order_relaxed); }

 private:
  struct Chunk {
    size_t begin;
    size_t end;
  };

  void Work(bool alone);
  void CallForHelp();
  bool Take(size_t size, Chunk& chunk);
  size_t Share() const;
  void Answer(const Chunk& chunk);
  void Fail(size_t question, absl::Status status);

  Executor* const executor_;
  const std::shared_ptr<const evaluation::EpisodeReplay> replay_;
  const std::vector<signals::Question> questions_;
  evaluation::Answers answers_;
  evaluation::BatchDone done_;
  std::atomic<size_t> next_{0};
  std::atomic<size_t> left_;
  std::atomic<bool> stopped_{false};
  Mutex mutex_;
  size_t failed_question_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace assay::engine

#endif  // ASSAY_SERVER_ENGINE_FAN_OUT_H_
