// Who answers counterfactual questions. An implementation never blocks: it calls `done` exactly
// once, from any thread, possibly before Evaluate returns.
#ifndef ASSAY_SERVER_EVALUATION_EVALUATOR_H_
#define ASSAY_SERVER_EVALUATION_EVALUATOR_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/signals/counterfactual.h"
#include "server/signals/episode.h"

namespace assay::evaluation {

// What an evaluator needs to know of the episode that it is asked about. Shared by all questions
// of the episode.
struct EpisodeContext {
  // Keeps every view of `episode` alive (the parsed message, usually).
  std::shared_ptr<const void> storage;
  signals::Episode episode;
  // The wire form of the episode (const assay::v1::Episode*) for evaluators that send it on;
  // points into `storage`.
  const void* message = nullptr;
  uint64_t seed = 0;
  signals::ValueRange range;
};

struct Batch {
  std::shared_ptr<const EpisodeContext> context;
  std::vector<signals::Question> questions;
  absl::Time deadline = absl::InfiniteFuture();
};

// One answer a question, in order; a question that failed alone fails the batch with its status.
using BatchDone = absl::AnyInvocable<void(absl::StatusOr<std::vector<signals::Answer>>)>;

// Cancels the batch it was returned for; harmless when that is done already. A cancelled batch
// still calls its `done`, with CANCELLED.
using CancelFn = absl::AnyInvocable<void()>;

class Evaluator {
 public:
  virtual ~Evaluator() = default;
  // The label of metrics: vote, given, caller, outcome or a configured name.
  virtual absl::string_view name() const = 0;
  virtual const signals::EvaluatorTraits& traits() const = 0;
  virtual CancelFn Evaluate(Batch batch, BatchDone done) = 0;
};

}  // namespace assay::evaluation

#endif  // ASSAY_SERVER_EVALUATION_EVALUATOR_H_
