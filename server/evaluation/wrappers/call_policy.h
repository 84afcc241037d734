// Everything that stands between the engine and an evaluator that can be slow, away or wrong.
#ifndef ASSAY_SERVER_EVALUATION_WRAPPERS_CALL_POLICY_H_
#define ASSAY_SERVER_EVALUATION_WRAPPERS_CALL_POLICY_H_

#include <cstdint>
#include <memory>

#include "server/base/timers.h"
#include "server/evaluation/evaluator.h"
#include "server/evaluation/question_observer.h"
#include "server/evaluation/wrappers/bounded.h"
#include "server/evaluation/wrappers/circuit_breaker.h"
#include "server/evaluation/wrappers/retry.h"

namespace assay::evaluation {

struct CallPolicy {
  Bounds bounds;
  absl::Duration timeout = absl::Seconds(60);  // of one attempt
  RetryOptions retry;
  BreakerOptions breaker;
  int64_t cache_bytes = int64_t{64} << 20;  // 0: no cache
};

// From the outside in: cache, bounds, retry, circuit breaker, deadline, check of answers. `timers`
// and the observers must outlive every call.
std::shared_ptr<Evaluator> WithPolicy(std::shared_ptr<Evaluator> inner, const CallPolicy& policy,
                                      Timers* timers, QuestionObservers observers);

}  // namespace assay::evaluation

#endif  // ASSAY_SERVER_EVALUATION_WRAPPERS_CALL_POLICY_H_
