#include "server/engine/engine.h"

#include <utility>
#include <vector>

#include "server/engine/driver.h"
#include "server/signals/attribution.h"

namespace assay::engine {
namespace {

using signals::Target;

// What an episode and a group do differently.
struct OfEpisode {
  using Job = EpisodeJob;
  using Plan = signals::Attribution;
  using Result = signals::Signals;
  static constexpr absl::string_view kName = "episode";

  // `replay` is the evaluator's, where it answers at once; it keeps what the plan reads.
  static std::unique_ptr<Plan> MakePlan(const Job& job, Replay* replay) {
    return std::make_unique<Plan>(
        job.context->episode, *job.options, job.evaluator->traits(),
        job.scorer != nullptr ? job.scorer->traits() : signals::EvaluatorTraits(),
        Grades(job, replay));
  }
  // Of the messages' answers. An evaluator that cannot be prepared says why when it is asked.
  static absl::Span<const signals::AnswerGrade> Grades(const Job& job, Replay* replay) {
    const evaluation::LocalEvaluator* const local = job.evaluator->local();
    if (local == nullptr) return {};
    if (auto prepared = local->Prepare(job.context); prepared.ok()) *replay = std::move(*prepared);
    return *replay != nullptr ? (*replay)->grades() : absl::Span<const signals::AnswerGrade>();
  }
  static evaluation::Evaluator* Asked(const Job& job, int target) {
    return target == static_cast<int>(Target::kScorer) ? job.scorer.get() : job.evaluator.get();
  }
  static bool MayFinishEarly(const Job& job, const Plan& plan) {
    return job.options->allow_partial && plan.can_finish_early();
  }
  static void Begun(EngineObserver* observer, absl::Duration waited) {
    observer->OnEpisodeQueued(waited);
  }
};

struct OfGroup {
  using Job = GroupJob;
  using Plan = recombination::GroupPlan;
  using Result = recombination::Recombined;
  static constexpr absl::string_view kName = "group";

  static std::unique_ptr<Plan> MakePlan(const Job& job, Replay*) {
    std::vector<recombination::Member> members;
    members.reserve(job.values.size());
    for (size_t m = 0; m < job.values.size(); ++m) {
      members.push_back({&job.context->members[m]->episode, job.values[m]});
    }
    return std::make_unique<Plan>(std::move(members), job.options, job.evaluator->traits());
  }
  static evaluation::Evaluator* Asked(const Job& job, int) { return job.evaluator.get(); }
  static bool MayFinishEarly(const Job&, const Plan&) { return false; }
  static void Begun(EngineObserver*, absl::Duration) {}
};

}  // namespace

EngineObserver* OrNobody(EngineObserver* observer) {
  static EngineObserver nobody;
  return observer != nullptr ? observer : &nobody;
}

Engine::Engine(Executor* executor, EngineObserver* observer)
    : executor_(executor), observer_(OrNobody(observer)) {}

std::shared_ptr<Run> Engine::Make(EpisodeJob job, EpisodeDone done) {
  return std::make_shared<Driver<OfEpisode>>(executor_, observer_, std::move(job), std::move(done));
}

std::shared_ptr<Run> Engine::Make(GroupJob job, GroupDone done) {
  return std::make_shared<Driver<OfGroup>>(executor_, observer_, std::move(job), std::move(done));
}

std::shared_ptr<Run> Engine::Start(EpisodeJob job, EpisodeDone done) {
  std::shared_ptr<Run> run = Make(std::move(job), std::move(done));
  run->Start();
  return run;
}

std::shared_ptr<Run> Engine::Start(GroupJob job, GroupDone done) {
  std::shared_ptr<Run> run = Make(std::move(job), std::move(done));
  run->Start();
  return run;
}

}  // namespace assay::engine
