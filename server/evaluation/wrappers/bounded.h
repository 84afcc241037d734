// Splits batches and bounds how much of them is on its way at once.
#ifndef ASSAY_SERVER_EVALUATION_WRAPPERS_BOUNDED_H_
#define ASSAY_SERVER_EVALUATION_WRAPPERS_BOUNDED_H_

#include <cstdint>
#include <memory>

#include "server/evaluation/evaluator.h"

namespace assay::evaluation {

struct Bounds {
  int batch_size = 64;             // questions a call of the inner evaluator, >= 1
  int max_calls = 256;             // calls on their way, >= 1
  int64_t max_questions = 10'000;  // questions on their way; a single call may pass it
  int64_t max_waiting = 1 << 22;   // questions that wait for room; more: RESOURCE_EXHAUSTED
  // The most bytes of ids that the questions about teams of one call name. A single question that
  // takes more fails with RESOURCE_EXHAUSTED.
  int64_t max_team_bytes = int64_t{16} << 20;
};

// Splits batches and keeps within `bounds`; questions that have to wait are served in the order in
// which they came. A batch fails with its first call that fails, and its other calls are cancelled.
std::shared_ptr<Evaluator> Bounded(std::shared_ptr<Evaluator> inner, const Bounds& bounds);

}  // namespace assay::evaluation

#endif  // ASSAY_SERVER_EVALUATION_WRAPPERS_BOUNDED_H_
