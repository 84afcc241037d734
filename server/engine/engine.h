// Drives plans, of episodes and of groups: asks the evaluator, tells the plan, watches the
// deadline. Never blocks a worker while an answer is outstanding.
#ifndef ASSAY_SERVER_ENGINE_ENGINE_H_
#define ASSAY_SERVER_ENGINE_ENGINE_H_

#include <memory>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/engine/executor.h"
#include "server/evaluation/evaluator.h"
#include "server/evaluation/question_observer.h"
#include "server/recombination/group_plan.h"
#include "server/signals/options.h"
#include "server/signals/signals.h"

namespace assay::engine {

// What the attribution of one episode needs.
struct EpisodeJob {
  std::shared_ptr<const evaluation::EpisodeContext> context;
  std::shared_ptr<const signals::Options> options;
  std::shared_ptr<evaluation::Evaluator> evaluator;
  std::shared_ptr<evaluation::Evaluator> scorer;      // null: none
  absl::Duration timeout = absl::InfiniteDuration();  // from Make
  // Whether each step takes well below a millisecond, apart from waiting for answers.
  bool brief = false;
};

// What the recombination of a group needs.
struct GroupJob {
  std::shared_ptr<const evaluation::EpisodeContext> context;  // of the group: it has members
  std::vector<double> values;                                 // v(N) of each
  recombination::PlanOptions options;
  std::shared_ptr<evaluation::Evaluator> evaluator;
  absl::Duration timeout = absl::InfiniteDuration();  // from Make
  bool brief = false;                                 // as of an episode
};

// Hears what happens in the engine; telemetry implements it. It is called from workers and must not
// block. Once nothing is in flight, the questions asked are as many as those answered, failed,
// cancelled and timed out together.
class EngineObserver : public evaluation::QuestionObserver {
 public:
  virtual void OnQuestionsAsked(absl::string_view /*evaluator*/, int64_t /*count*/) {}
  // `outcome` is answered, failed, cancelled or timeout; `elapsed` is the time since the questions
  // were asked.
  virtual void OnQuestionsDone(absl::string_view /*evaluator*/, absl::string_view /*outcome*/,
                               int64_t /*count*/, absl::Duration /*elapsed*/) {}
  // `waited` is the time from Make to the first work on the episode.
  virtual void OnEpisodeQueued(absl::Duration /*waited*/) {}
  // A worker has begun (delta 1) or ended (-1) a task.
  virtual void OnWorkerBusy(int /*delta*/) {}
};

using EpisodeDone = absl::AnyInvocable<void(absl::StatusOr<signals::Signals>)>;
using GroupDone = absl::AnyInvocable<void(absl::StatusOr<recombination::Recombined>)>;

// `observer`, or where it is null one that does nothing.
EngineObserver* OrNobody(EngineObserver* observer);

// A plan on its way.
class Run {
 public:
  virtual ~Run() = default;
  // One of the two is to be called, once; `done` is then called exactly once. Start works on the
  // executor and never calls `done` before it returns. StartHere works on the calling thread as
  // long as nothing has to be waited for, which saves a short episode the hand-over to a worker.
  virtual void Start() = 0;
  virtual void StartHere() = 0;
  // Cancels outstanding questions; `done` gets CANCELLED soon, unless it was called already.
  virtual void Cancel() = 0;
};

class Engine {
 public:
  // `observer` may be null.
  Engine(Executor* executor, EngineObserver* observer);

  // Makes an attribution, which the caller of Make is to start. `done` gets its signals. At the
  // timeout it gets the partial signals where the options allow them and there are any, and
  // DEADLINE_EXCEEDED otherwise. Executor and observer must outlive the run; the engine need not.
  std::shared_ptr<Run> Make(EpisodeJob job, EpisodeDone done);
  // The same, started on the executor.
  std::shared_ptr<Run> Start(EpisodeJob job, EpisodeDone done);
  // The same for a recombination, which has no partial result.
  std::shared_ptr<Run> Make(GroupJob job, GroupDone done);
  std::shared_ptr<Run> Start(GroupJob job, GroupDone done);

 private:
  Executor* const executor_;
  EngineObserver* const observer_;
};

}  // namespace assay::engine

#endif  // ASSAY_SERVER_ENGINE_ENGINE_H_
