// The clock and its timers. Evaluators see nothing else of time. The engine's executor implements
// the interface, and in tests a virtual clock does.
#ifndef ASSAY_SERVER_BASE_TIMERS_H_
#define ASSAY_SERVER_BASE_TIMERS_H_

#include <cstdint>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"

namespace assay {

// Thread safe. Must outlive every batch that is neither answered nor cancelled.
class Timers {
 public:
  using Task = absl::AnyInvocable<void()>;
  using TimerId = uint64_t;

  virtual ~Timers() = default;
  // The current time, which never goes back.
  virtual absl::Time Now() const = 0;
  // Runs `task` on some worker once `delay` has passed, never inside After.
  virtual TimerId After(absl::Duration delay, Task task) = 0;
  // Does nothing where the timer has fired or was cancelled already.
  virtual void Cancel(TimerId id) = 0;
};

}  // namespace assay

#endif  // ASSAY_SERVER_BASE_TIMERS_H_
