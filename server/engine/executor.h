// Where work runs and what time it is. AsioExecutor in production; a virtual clock and a seeded
// scheduler in tests/simulation.
#ifndef ASSAY_SERVER_ENGINE_EXECUTOR_H_
#define ASSAY_SERVER_ENGINE_EXECUTOR_H_

#include <cstdint>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"

namespace assay::engine {

class Executor {
 public:
  using Task = absl::AnyInvocable<void()>;
  using TimerId = uint64_t;

  virtual ~Executor() = default;
  virtual absl::Time Now() const = 0;
  // Runs `task` on some worker, never inside Post.
  virtual void Post(Task task) = 0;
  // Runs `task` on some worker once `delay` has passed.
  virtual TimerId After(absl::Duration delay, Task task) = 0;
  // A timer that fired or was cancelled already is left alone.
  virtual void Cancel(TimerId id) = 0;
};

}  // namespace assay::engine

#endif  // ASSAY_SERVER_ENGINE_EXECUTOR_H_
