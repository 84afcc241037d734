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

// An attribution.
struct EpisodeJob {
  std::shared_ptr<const evaluation::EpisodeContext> context;
  std::shared_ptr<const signals::Options> options;
  std::shared_ptr<evaluation::Evaluator> evaluator;
  std::shared_ptr<evaluation::Evaluator> scorer;      // null: none
  absl::Duration timeout = absl::InfiniteDuration();  // from Make
  // Each step of it takes well below a millisecond, answers that are waited for apart.
  bool brief = false;
};

// The recombination of a group.
struct GroupJob {
  std::shared_ptr<const evaluation::EpisodeContext> context;  // of the group: it has members
  std::vector<double> values;                                 // v(N) of each
  recombination::PlanOptions options;
  std::shared_ptr<evaluation::Evaluator> evaluator;
  absl::Duration timeout = absl::InfiniteDuration();  // from Make
  bool brief = false;                                 // as of an episode
};

// What the engine sees happen; telemetry implements it. Called from workers, must not block.
// Questions asked = answered + failed + cancelled + timeout, once nothing is in flight.
class EngineObserver : public evaluation::QuestionObserver {
 public:
  virtual void OnQuestionsAsked(absl::string_view /*evaluator*/, int64_t /*count*/) {}
  // `outcome`: answered, failed, cancelled, timeout. `elapsed` since they were asked.
  virtual void OnQuestionsDone(absl::string_view /*evaluator*/, absl::string_view /*outcome*/,
                               int64_t /*count*/, absl::Duration /*elapsed*/) {}
  // From Make to the first work on the episode.
  virtual void OnEpisodeQueued(absl::Duration /*waited*/) {}
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
  // Once, either of them, and `done` is called once. Start works on the executor and never calls
  // `done` inside; StartHere works on the calling thread as long as nothing has to be waited for,
  // which saves a short episode the hand-over to a worker.
  virtual void Start() = 0;
  virtual void StartHere() = 0;
  // `done` gets CANCELLED soon (unless it was called already); outstanding questions are cancelled.
  virtual void Cancel() = 0;
};

class Engine {
 public:
  // `observer` may be null.
  Engine(Executor* executor, EngineObserver* observer);

  // An attribution, to be started. `done` gets its signals, or DEADLINE_EXCEEDED at the timeout, or
  // then the partial signals where the options allow them. Executor and observer must outlive the
  // run; the engine itself need not.
  std::shared_ptr<Run> Make(EpisodeJob job, EpisodeDone done);
  // The same, started on the executor.
  std::shared_ptr<Run> Start(EpisodeJob job, EpisodeDone done);
  // A recombination, likewise; it has no partial result.
  std::shared_ptr<Run> Make(GroupJob job, GroupDone done);
  std::shared_ptr<Run> Start(GroupJob job, GroupDone done);

 private:
  Executor* const executor_;
  EngineObserver* const observer_;
};

}  // namespace assay::engine

#endif  // ASSAY_SERVER_ENGINE_ENGINE_H_
