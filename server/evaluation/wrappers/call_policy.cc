#include "server/evaluation/wrappers/call_policy.h"

#include <utility>

#include "server/evaluation/wrappers/cache.h"
#include "server/evaluation/wrappers/checked.h"
#include "server/evaluation/wrappers/deadline.h"

namespace assay::evaluation {

std::shared_ptr<Evaluator> WithPolicy(std::shared_ptr<Evaluator> inner, const CallPolicy& policy,
                                      Timers* timers, QuestionObservers observers) {
  std::shared_ptr<Evaluator> outer = Checked(std::move(inner));
  outer = WithDeadline(std::move(outer), policy.timeout, timers);
  outer = WithCircuitBreaker(std::move(outer), policy.breaker, timers);
  outer = WithRetry(std::move(outer), policy.retry, timers, observers);
  outer = Bounded(std::move(outer), policy.bounds);
  if (policy.cache_bytes > 0) outer = Cached(std::move(outer), policy.cache_bytes, observers);
  return outer;
}

}  // namespace assay::evaluation
