// Hears what happens to questions between the engine and whoever answers them. Telemetry implements
// the interface.
#ifndef ASSAY_SERVER_EVALUATION_QUESTION_OBSERVER_H_
#define ASSAY_SERVER_EVALUATION_QUESTION_OBSERVER_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "server/base/observers.h"

namespace assay::evaluation {

// Thread safe; must not block. All counts are questions. What is sent to an evaluator adds up to
// asked - cached + retried.
class QuestionObserver {
 public:
  virtual ~QuestionObserver() = default;
  // Answered from the cache, or by another batch that asked the same at the same time.
  virtual void OnQuestionsCached(absl::string_view /*evaluator*/, int64_t /*count*/) {}
  // Sent once more after a failure that may pass.
  virtual void OnQuestionsRetried(absl::string_view /*evaluator*/, int64_t /*count*/) {}
  // Answers that came late or twice, and were ignored.
  virtual void OnAnswersDropped(absl::string_view /*evaluator*/, int64_t /*count*/) {}
};

using QuestionObservers = Observers<QuestionObserver>;

}  // namespace assay::evaluation

#endif  // ASSAY_SERVER_EVALUATION_QUESTION_OBSERVER_H_
