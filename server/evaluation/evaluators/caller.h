// The client of a stream as evaluator: questions go to it over its own stream, and answers come
// back. There is one object for each stream. It knows nothing of the wire; the stream's session
// converts.
#ifndef ASSAY_SERVER_EVALUATION_EVALUATORS_CALLER_H_
#define ASSAY_SERVER_EVALUATION_EVALUATORS_CALLER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/base/mutex.h"
#include "server/evaluation/evaluator.h"
#include "server/evaluation/question_observer.h"

namespace assay::evaluation {

// One EvaluateRequest.
struct CallerRequest {
  std::string evaluation_id;  // unique in the stream
  std::shared_ptr<const EpisodeContext> context;
  std::vector<signals::Question> questions;
  absl::Time deadline = absl::InfiniteFuture();
};

// Where requests go; the stream's session implements it.
class CallerSink {
 public:
  virtual ~CallerSink() = default;
  // Called from any thread, also from inside CallerEvaluator::OnAnswers and Close, because the next
  // request goes out when an answer makes room; whoever calls those two must not hold a lock that
  // Ask takes. Must not block.
  virtual void Ask(CallerRequest request) = 0;
};

// What became of an EvaluateResponse.
enum class AnswerFate : uint8_t {
  kTaken,
  kLate,     // answered before, cancelled or timed out: ignored and counted
  kUnknown,  // never asked: a violation of the protocol
};

class CallerEvaluator final : public Evaluator,
                              public std::enable_shared_from_this<CallerEvaluator> {
 public:
  CallerEvaluator(signals::EvaluatorTraits traits, std::shared_ptr<CallerSink> sink,
                  QuestionObservers observers);

  absl::string_view name() const override { return "caller"; }
  const signals::EvaluatorTraits& traits() const override { return traits_; }
  // One request, whatever the size of the batch.
  CancelFn Evaluate(Batch batch, BatchDone done) override;

  // Takes the answers to one request, or why there are none; of a request for rollouts alone a
  // failure that may pass is one of each rollout. Answers that are too few, not finite
  // or out of range fail the batch with INVALID_ARGUMENT and the path (answers[2].mean).
  AnswerFate OnAnswers(absl::string_view evaluation_id, absl::StatusOr<Answers> answers);

  // The stream is over: whatever is outstanding fails with `status` (not OK), and so does every
  // later batch. The sink is let go; a thread that is in Evaluate now may still call it once.
  void Close(const absl::Status& status);

  int64_t outstanding_questions() const;

 private:
  struct Pending {
    Batch batch;
    BatchDone done;
  };
  void Abandon(uint64_t id);

  const signals::EvaluatorTraits traits_;
  const QuestionObservers observers_;
  mutable Mutex mutex_;
  std::shared_ptr<CallerSink> sink_ ABSL_GUARDED_BY(mutex_);
  uint64_t last_id_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t outstanding_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status closed_ ABSL_GUARDED_BY(mutex_);
  std::map<uint64_t, Pending> pending_ ABSL_GUARDED_BY(mutex_);
};

struct CallerLimits {
  int batch_size = 64;                           // questions a request
  int max_outstanding = 10000;                   // questions asked and not answered; more wait here
  int64_t max_request_bytes = int64_t{1} << 20;  // of the teams in a request
  int64_t cache_bytes = 1 << 20;                 // answers of this stream that are kept; 0: none
};

// `evaluator` is what the engine asks (batches split, bounded, cached); `caller` is what the
// session tells the answers.
struct CallerStack {
  std::shared_ptr<CallerEvaluator> caller;
  std::shared_ptr<Evaluator> evaluator;
};
CallerStack MakeCaller(signals::EvaluatorTraits traits, const CallerLimits& limits,
                       std::shared_ptr<CallerSink> sink, QuestionObservers observers);

}  // namespace assay::evaluation

#endif  // ASSAY_SERVER_EVALUATION_EVALUATORS_CALLER_H_
