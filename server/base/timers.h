// What time it is, and being called later: all that an evaluator may know of clocks. The engine's
// executor implements it; a virtual clock does in tests.
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
  // Never goes back.
  virtual absl::Time Now() const = 0;
  // Runs `task` on some worker once `delay` has passed, never inside After.
  virtual TimerId After(absl::Duration delay, Task task) = 0;
  // A timer that fired or was cancelled already is left alone.
  virtual void Cancel(TimerId id) = 0;
};

}  // namespace assay

#endif  // ASSAY_SERVER_BASE_TIMERS_H_
