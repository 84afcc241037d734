// Hears what happens to questions between the engine and whoever answers them. Telemetry implements
// the interface.
#ifndef ASSAY_SERVER_EVALUATION_QUESTION_OBSERVER_H_
#define ASSAY_SERVER_EVALUATION_QUESTION_OBSERVER_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "server/base/observers.h"

namespace assay::evaluation {

// Must be thread safe and must not block. All counts are numbers of questions; those that are sent
// to an evaluator are as many as asked - cached + retried.
class QuestionObserver {
 public:
  virtual ~QuestionObserver() = default;
  // Questions were answered from the cache, or by another batch that asked the same at the same
  // time.
  virtual void OnQuestionsCached(absl::string_view /*evaluator*/, int64_t /*count*/) {}
  // Questions were sent once more after a failure that may pass.
  virtual void OnQuestionsRetried(absl::string_view /*evaluator*/, int64_t /*count*/) {}
  // Answers came late or twice and were ignored.
  virtual void OnAnswersDropped(absl::string_view /*evaluator*/, int64_t /*count*/) {}
};

using QuestionObservers = Observers<QuestionObserver>;

}  // namespace assay::evaluation

#endif  // ASSAY_SERVER_EVALUATION_QUESTION_OBSERVER_H_
