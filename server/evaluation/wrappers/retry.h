// Another attempt after a failure that may pass.
#ifndef ASSAY_SERVER_EVALUATION_WRAPPERS_RETRY_H_
#define ASSAY_SERVER_EVALUATION_WRAPPERS_RETRY_H_

#include <cstdint>
#include <memory>

#include "server/base/timers.h"
#include "server/evaluation/evaluator.h"
#include "server/evaluation/question_observer.h"

namespace assay::evaluation {

struct RetryOptions {
  int max_attempts = 4;  // the first one included; 1: no retry
  absl::Duration initial_backoff = absl::Milliseconds(50);
  absl::Duration max_backoff = absl::Seconds(5);
  double multiplier = 2;
  double jitter = 0.5;  // a backoff b becomes b (1 - jitter/2) .. b (1 + jitter/2)
  // A server that asks for a longer wait (Retry-After) is not waited for.
  absl::Duration max_retry_after = absl::Minutes(1);
  // A retry costs one token, an answered call earns `budget_ratio`; a failing evaluator so gets at
  // most (1 + ratio) times its load, and `budget_burst` calls once.
  double budget_ratio = 0.25;
  double budget_burst = 500;
};

// Retries UNAVAILABLE, RESOURCE_EXHAUSTED, ABORTED, DEADLINE_EXCEEDED, INTERNAL and UNKNOWN, never
// beyond the batch's deadline; other codes are final. A Retry-After is a lower bound of the wait.
// The last failure is the batch's, with the number of attempts in its message. `timers` must
// outlive every call; `observer` may be null.
std::shared_ptr<Evaluator> WithRetry(std::shared_ptr<Evaluator> inner, const RetryOptions& options,
                                     Timers* timers, Observer* observer);

}  // namespace assay::evaluation

#endif  // ASSAY_SERVER_EVALUATION_WRAPPERS_RETRY_H_
