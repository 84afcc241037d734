// Runs work and tells the time. In production it is an AsioExecutor, and in tests/simulation a
// scheduler with a seed and a virtual clock.
#ifndef ASSAY_SERVER_ENGINE_EXECUTOR_H_
#define ASSAY_SERVER_ENGINE_EXECUTOR_H_

#include <utility>

#include "server/base/timers.h"

namespace assay::engine {

// Thread safe.
class Executor : public Timers {
 public:
  // Runs `task` on some worker, never inside Post.
  virtual void Post(Task task) = 0;
  // The same for a task that takes well below a millisecond. It does not wait behind long tasks.
  virtual void PostBrief(Task task) { Post(std::move(task)); }
  // How many workers run tasks at once, >= 1.
  virtual int workers() const = 0;
};

}  // namespace assay::engine

#endif  // ASSAY_SERVER_ENGINE_EXECUTOR_H_
