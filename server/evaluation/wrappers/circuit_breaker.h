// Stops asking an evaluator that fails again and again.
#ifndef ASSAY_SERVER_EVALUATION_WRAPPERS_CIRCUIT_BREAKER_H_
#define ASSAY_SERVER_EVALUATION_WRAPPERS_CIRCUIT_BREAKER_H_

#include <memory>

#include "server/base/timers.h"
#include "server/evaluation/evaluator.h"

namespace assay::evaluation {

struct BreakerOptions {
  int failures = 50;  // how many in a row open the circuit; 0: none ever do
  absl::Duration open_for = absl::Seconds(2);
};

// While the circuit is open every call fails at once with UNAVAILABLE and a Retry-After. After
// `open_for` one call is let through as a probe: its success closes the circuit, and its failure
// opens it again. UNAVAILABLE, DEADLINE_EXCEEDED, INTERNAL and UNKNOWN count as failures; a
// cancelled call counts neither way.
std::shared_ptr<Evaluator> WithCircuitBreaker(std::shared_ptr<Evaluator> inner,
                                              const BreakerOptions& options, Timers* timers);

}  // namespace assay::evaluation

#endif  // ASSAY_SERVER_EVALUATION_WRAPPERS_CIRCUIT_BREAKER_H_
