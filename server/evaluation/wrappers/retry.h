// An evaluator that is asked again after a failure that may pass.
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
  // The budget of retries: a retry costs one token and an answered call earns `budget_ratio`
  // tokens, of which at most `budget_burst` are kept. A failing evaluator therefore gets at most (1
  // + budget_ratio) times its load, and `budget_burst` calls more once.
  double budget_ratio = 0.25;
  double budget_burst = 500;
};

// Retries UNAVAILABLE, RESOURCE_EXHAUSTED, ABORTED, DEADLINE_EXCEEDED, INTERNAL and UNKNOWN, never
// beyond the batch's deadline; other codes are final. A Retry-After is a lower bound of the wait.
// The last failure is the batch's, with the number of attempts in its message. `timers` and
// the observers must outlive every call.
std::shared_ptr<Evaluator> WithRetry(std::shared_ptr<Evaluator> inner, const RetryOptions& options,
                                     Timers* timers, QuestionObservers observers);

}  // namespace assay::evaluation

#endif  // ASSAY_SERVER_EVALUATION_WRAPPERS_RETRY_H_
