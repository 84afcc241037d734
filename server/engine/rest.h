// How long an episode waits before rollouts that failed are asked for again.
#ifndef ASSAY_SERVER_ENGINE_REST_H_
#define ASSAY_SERVER_ENGINE_REST_H_

#include "absl/time/time.h"
#include "server/evaluation/evaluator.h"

namespace assay::engine {

// The waits of one episode: none after a round in which no rollout failed; else 50 ms, and twice as
// long with every further round in a row in which rollouts failed and none succeeded, up to 2 s. A
// Retry-After of a failure is a lower bound. No wait takes more than an eighth of the time that is
// left, so that waiting alone never brings an episode to its timeout.
class Rests {
 public:
  // After a round with these answers, `left` before the episode's timeout.
  absl::Duration After(const evaluation::Answers& answers, absl::Duration left);

 private:
  int failed_rounds_ = 0;  // in a row
};

}  // namespace assay::engine

#endif  // ASSAY_SERVER_ENGINE_REST_H_
