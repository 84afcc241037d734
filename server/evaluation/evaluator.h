// Who answers counterfactual questions. An implementation never blocks: it calls `done` exactly
// once, from any thread, possibly before Evaluate returns.
#ifndef ASSAY_SERVER_EVALUATION_EVALUATOR_H_
#define ASSAY_SERVER_EVALUATION_EVALUATOR_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/signals/counterfactual.h"
#include "server/signals/episode.h"
#include "server/signals/options.h"

namespace assay::v1 {
class Episode;
}

namespace assay::evaluation {

// What an evaluator needs to know of the episode, or the group, that it is asked about. Shared by
// all questions about it.
struct EpisodeContext {
  // Keeps every view of `episode` alive (the parsed message, usually).
  std::shared_ptr<const void> storage;
  signals::Episode episode;
  // The wire form of the episode, for evaluators that send it on and for whoever must tell contents
  // apart (EpisodeDigest); points into `storage`. Null for a group.
  const v1::Episode* message = nullptr;
  uint64_t seed = 0;
  signals::ValueRange range;
  // W3C trace context of the call, for evaluators that ask others; empty: none.
  std::string traceparent;
  // The episodes of a group, sorted by id, all of the same agents; `episode` then has the id of the
  // group, the agents and no message. Empty where the context is that of a single episode.
  std::vector<std::shared_ptr<const EpisodeContext>> members;
};

struct Batch {
  std::shared_ptr<const EpisodeContext> context;
  std::vector<signals::Question> questions;
  absl::Time deadline = absl::InfiniteFuture();
};

// One answer for each question, in order. Where a single question failed, the whole batch fails
// with its status.
using Answers = std::vector<signals::Answer>;
using BatchDone = absl::AnyInvocable<void(absl::StatusOr<Answers>)>;

// Cancels the batch it was returned for; harmless when that is done already. A cancelled batch
// still calls its `done`, with CANCELLED, possibly before the function returns. Must not be called
// by `done` itself. Never null.
using CancelFn = absl::AnyInvocable<void()>;

class LocalEvaluator;

// Thread safe. Always owned by a shared_ptr; a batch on its way keeps what it needs alive.
class Evaluator {
 public:
  virtual ~Evaluator() = default;
  // The evaluator's name in results and metrics: vote, given, caller, outcome or a configured name.
  virtual absl::string_view name() const = 0;
  virtual const signals::EvaluatorTraits& traits() const = 0;
  // Asks the questions of a batch; `done` gets the answers, or the status of the failure.
  virtual CancelFn Evaluate(Batch batch, BatchDone done) = 0;
  // This evaluator where it computes its answers instead of waiting for them, else null. The engine
  // spreads the questions of a local evaluator over its workers itself.
  virtual const LocalEvaluator* local() const { return nullptr; }
};

// Answers questions about one episode, on the calling thread. Safe to call from many threads at
// once.
class EpisodeReplay {
 public:
  virtual ~EpisodeReplay() = default;
  // Sets answers[i] to the answer to questions[i]. A table in it lives as long as this object.
  // UNIMPLEMENTED: a question is of a kind that the traits do not offer.
  virtual absl::Status Answer(absl::Span<const signals::Question> questions,
                              absl::Span<signals::Answer> answers) const = 0;
  // The grade of each message's answer; empty where answers are not graded. Lives as long as this
  // object.
  virtual absl::Span<const signals::AnswerGrade> grades() const { return {}; }
};

class LocalEvaluator : public Evaluator {
 public:
  // Computes what all questions about one episode need. FAILED_PRECONDITION: the episode lacks
  // something that the evaluator needs.
  virtual absl::StatusOr<std::shared_ptr<const EpisodeReplay>> Prepare(
      std::shared_ptr<const EpisodeContext> context) const = 0;

  // Answers at once, on the calling thread; a table in the answers lives until `done` returns.
  CancelFn Evaluate(Batch batch, BatchDone done) final;
  const LocalEvaluator* local() const final { return this; }
};

}  // namespace assay::evaluation

#endif  // ASSAY_SERVER_EVALUATION_EVALUATOR_H_
