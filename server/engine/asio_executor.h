// The executor of production: a pool of worker threads and timers on a monotonic clock. While all
// workers are busy with tasks that may be long, brief ones and timers run on one more thread, so
// that whoever brings much work does not stop those who bring little.
#ifndef ASSAY_SERVER_ENGINE_ASIO_EXECUTOR_H_
#define ASSAY_SERVER_ENGINE_ASIO_EXECUTOR_H_

#include <memory>

#include "server/engine/engine.h"
#include "server/engine/executor.h"

namespace assay::engine {

class AsioExecutor final : public Executor {
 public:
  // `workers` >= 1 threads. `observer` (may be null) hears of busy workers and must outlive this.
  AsioExecutor(int workers, EngineObserver* observer);
  // Runs what was posted, drops timers that have not fired, and joins the threads. Tasks that still
  // run may Post more; After is ignored from now on.
  ~AsioExecutor() override;

  absl::Time Now() const override;
  TimerId After(absl::Duration delay, Task task) override;
  void Cancel(TimerId id) override;
  void Post(Task task) override;
  void PostBrief(Task task) override;
  int workers() const override;

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace assay::engine

#endif  // ASSAY_SERVER_ENGINE_ASIO_EXECUTOR_H_
