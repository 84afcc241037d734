#include "server/engine/engine.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "server/base/mutex.h"
#include "server/engine/fan_out.h"
#include "server/signals/attribution.h"
#include "server/signals/unions.h"

namespace assay::engine {
namespace {

using evaluation::Answers;
using signals::Question;
using signals::Target;

constexpr int kTargets = 2;

absl::string_view OutcomeName(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return "answered";
    case absl::StatusCode::kCancelled:
      return "cancelled";
    case absl::StatusCode::kDeadlineExceeded:
      return "timeout";
    default:
      return "failed";
  }
}

// One whole table is as many questions as it has values.
int64_t CountQuestions(const std::vector<Question>& questions, const signals::Episode& episode) {
  int64_t count = 0;
  for (const Question& question : questions) {
    count += signals::CountValues(question.kind, episode);
  }
  return count;
}

// The questions of one ask() that go to one evaluator.
struct Part {
  evaluation::Evaluator* evaluator = nullptr;
  size_t size = 0;
  int64_t count = 0;
  absl::Time asked;
  bool open = false;  // asked, not answered
  absl::Status status;
  Answers answers;
  evaluation::CancelFn cancel;
  std::shared_ptr<FanOut> fan_out;
};

// Almost always one evaluator is asked everything.
bool OneTarget(const std::vector<Question>& questions) {
  return std::all_of(questions.begin(), questions.end(), [&](const Question& question) {
    return question.target == questions.front().target;
  });
}

// By target, in order.
std::array<std::vector<Question>, kTargets> Split(const std::vector<Question>& questions) {
  std::array<std::vector<Question>, kTargets> parts;
  if (OneTarget(questions)) {
    parts[static_cast<int>(questions.front().target)] = questions;
    return parts;
  }
  for (const Question& question : questions) {
    parts[static_cast<int>(question.target)].push_back(question);
  }
  return parts;
}

// The answers to the parts that Split made, in the order of the questions.
Answers Join(const std::vector<Question>& questions, std::array<Answers, kTargets> parts) {
  if (OneTarget(questions)) return std::move(parts[static_cast<int>(questions.front().target)]);
  std::array<size_t, kTargets> next{};
  Answers answers;
  answers.reserve(questions.size());
  for (const Question& question : questions) {
    const int target = static_cast<int>(question.target);
    answers.push_back(std::move(parts[target][next[target]++]));
  }
  return answers;
}

using Replay = std::shared_ptr<const evaluation::EpisodeReplay>;

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
  static void Begun(Observer* observer, absl::Duration waited) {
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
  static void Begun(Observer*, absl::Duration) {}
};

// One plan on its way. Whatever happens (an answer, the deadline, a cancel) is noted under the
// lock; one worker at a time, the driver, acts on it and touches the plan.
template <class Of>
class Driver final : public Run, public std::enable_shared_from_this<Driver<Of>> {
 public:
  using Job = typename Of::Job;
  using Result = typename Of::Result;
  using Done = absl::AnyInvocable<void(absl::StatusOr<Result>)>;

  Driver(Executor* executor, Observer* observer, Job job, Done done)
      : executor_(executor),
        observer_(observer),
        job_(std::move(job)),
        done_(std::move(done)),
        brief_(job_.brief),
        started_(executor->Now()),
        deadline_(started_ + job_.timeout) {}

  void Start() override {
    ArmDeadline();
    Wake();
  }

  void StartHere() override {
    {
      MutexLock lock(&mutex_);
      if (driving_ || finished_) return;  // cancelled before it began
      driving_ = true;
    }
    Drive();
    ArmDeadline();  // few get here unfinished, and only they pay for a timer
  }

  void Cancel() override { Interrupt(cancelled_); }

 private:
  enum class Event { kNone, kBegin, kCancelled, kDeadline, kAnswered };

  void ArmDeadline() {
    MutexLock lock(&mutex_);
    if (finished_ || deadline_ == absl::InfiniteFuture()) return;
    timer_ = executor_->After(deadline_ - executor_->Now(),
                              [self = this->shared_from_this()] { self->OnDeadline(); });
  }

  void OnDeadline() { Interrupt(timed_out_); }

  void Interrupt(bool& flag) {
    std::array<std::shared_ptr<FanOut>, kTargets> running;
    {
      MutexLock lock(&mutex_);
      if (finished_) return;
      flag = true;
      for (int i = 0; i < kTargets; ++i) running[i] = parts_[i].fan_out;
    }
    for (const auto& fan_out : running) {
      if (fan_out != nullptr) fan_out->Stop();
    }
    Wake();
  }

  void Wake() {
    {
      MutexLock lock(&mutex_);
      if (driving_ || finished_) return;
      driving_ = true;
    }
    Executor::Task drive = [self = this->shared_from_this()] { self->Drive(); };
    if (brief_) {
      executor_->PostBrief(std::move(drive));
    } else {
      executor_->Post(std::move(drive));
    }
  }

  void Drive() {
    for (;;) {
      switch (NextEvent()) {
        case Event::kNone:
          return;
        case Event::kBegin:
          Begin();
          break;
        case Event::kCancelled:
          Finish(absl::CancelledError(absl::StrCat("the ", Of::kName, " was cancelled")));
          return;
        case Event::kDeadline:
          FinishEarly(absl::DeadlineExceededError(
              absl::StrCat("the ", Of::kName, "'s timeout has passed")));
          return;
        case Event::kAnswered:
          if (!TakeAnswers()) return;
          break;
      }
      if (!AskMore()) return;
    }
  }

  // kNone ends the driver's turn in the same breath, so that no event is lost.
  Event NextEvent() {
    MutexLock lock(&mutex_);
    if (finished_) return Event::kNone;
    if (cancelled_) return Event::kCancelled;
    if (timed_out_) return Event::kDeadline;
    if (!begun_) {
      begun_ = true;
      return Event::kBegin;
    }
    if (round_over_) {
      round_over_ = false;
      return Event::kAnswered;
    }
    driving_ = false;
    return Event::kNone;
  }

  void Begin() {
    if (observer_ != nullptr) Of::Begun(observer_, executor_->Now() - started_);
    plan_ = Of::MakePlan(job_, &replays_[static_cast<int>(Target::kEvaluator)]);
  }

  // False: the run has finished.
  bool AskMore() {
    if (plan_->done()) {
      Finish(plan_->finish());
      return false;
    }
    std::array<std::vector<Question>, kTargets> asked = Split(plan_->ask());
    {
      MutexLock lock(&mutex_);
      for (Part& part : parts_) part = Part();
      open_parts_ = 0;
      for (int i = 0; i < kTargets; ++i) {
        if (!asked[i].empty()) OpenPart(static_cast<Target>(i), asked[i]);
      }
      ++round_;
    }
    for (int i = 0; i < kTargets; ++i) {
      if (!asked[i].empty()) AskPart(i, std::move(asked[i]));
    }
    return true;
  }

  void OpenPart(Target target, const std::vector<Question>& questions)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    Part& part = parts_[static_cast<int>(target)];
    part.evaluator = Of::Asked(job_, static_cast<int>(target));
    part.size = questions.size();
    part.count = CountQuestions(questions, job_.context->episode);
    part.asked = executor_->Now();
    part.open = true;
    ++open_parts_;
    if (observer_ != nullptr) observer_->OnQuestionsAsked(part.evaluator->name(), part.count);
  }

  void AskPart(int target, std::vector<Question> questions) {
    evaluation::Evaluator* const evaluator = Of::Asked(job_, target);
    evaluation::BatchDone done = [self = this->shared_from_this(), target,
                                  round = round_](absl::StatusOr<Answers> answers) {
      self->OnAnswers(target, round, std::move(answers));
    };
    if (evaluator->local() != nullptr) {
      AskLocal(target, *evaluator->local(), std::move(questions), std::move(done));
      return;
    }
    evaluation::CancelFn cancel =
        evaluator->Evaluate({job_.context, std::move(questions), deadline_}, std::move(done));
    MutexLock lock(&mutex_);
    if (parts_[target].open) parts_[target].cancel = std::move(cancel);
  }

  void AskLocal(int target, const evaluation::LocalEvaluator& evaluator,
                std::vector<Question> questions, evaluation::BatchDone done) {
    if (replays_[target] == nullptr) {
      auto replay = evaluator.Prepare(job_.context);
      if (!replay.ok()) {
        done(replay.status());
        return;
      }
      replays_[target] = std::move(*replay);
    }
    auto fan_out = std::make_shared<FanOut>(executor_, replays_[target], std::move(questions),
                                            std::move(done));
    {
      MutexLock lock(&mutex_);
      if (cancelled_ || timed_out_) fan_out->Stop();
      parts_[target].fan_out = fan_out;
    }
    fan_out->Start();
  }

  void OnAnswers(int target, int round, absl::StatusOr<Answers> answers) {
    {
      MutexLock lock(&mutex_);
      Part& part = parts_[target];
      if (finished_ || round != round_ || !part.open) return;
      if (answers.ok() && answers->size() != part.size) {
        answers = absl::InternalError(
            absl::StrCat("answers: ", answers->size(), " answers to ", part.size, " questions"));
      }
      part.open = false;
      part.status = answers.status();
      if (answers.ok()) part.answers = std::move(*answers);
      Report(part, part.status);
      // The first failure ends the round: nothing that is still open could mend it.
      if (--open_parts_ > 0 && part.status.ok()) return;
      round_over_ = true;
    }
    Wake();
  }

  void Report(const Part& part, const absl::Status& status) {
    if (observer_ == nullptr) return;
    observer_->OnQuestionsDone(part.evaluator->name(), OutcomeName(status), part.count,
                               executor_->Now() - part.asked);
  }

  // False: the run has finished.
  bool TakeAnswers() {
    std::array<Answers, kTargets> answers;
    absl::Status failure;
    {
      MutexLock lock(&mutex_);
      for (int i = 0; i < kTargets; ++i) {
        if (failure.ok()) failure = parts_[i].status;
        answers[i] = std::move(parts_[i].answers);
      }
    }
    if (!failure.ok()) {
      FinishEarly(std::move(failure));
      return false;
    }
    const absl::Status told = plan_->tell(Join(plan_->ask(), std::move(answers)));
    if (told.ok()) return true;
    Finish(told);
    return false;
  }

  void FinishEarly(absl::Status why) {
    if (plan_ != nullptr && Of::MayFinishEarly(job_, *plan_)) {
      absl::StatusOr<Result> partial = plan_->finish();
      if (partial.ok()) {
        Finish(std::move(partial));
        return;
      }
    }
    Finish(std::move(why));
  }

  void Finish(absl::StatusOr<Result> result) {
    std::array<Part, kTargets> parts;
    Executor::TimerId timer = 0;
    {
      MutexLock lock(&mutex_);
      finished_ = true;
      timer = timer_;
      const absl::Status open_status =
          timed_out_ ? absl::DeadlineExceededError("timeout") : absl::CancelledError("cancelled");
      for (int i = 0; i < kTargets; ++i) {
        if (parts_[i].open) Report(parts_[i], open_status);
        parts[i] = std::move(parts_[i]);
      }
    }
    if (timer != 0) executor_->Cancel(timer);
    for (Part& part : parts) {
      if (part.open && part.cancel) part.cancel();
      if (part.fan_out != nullptr) part.fan_out->Stop();
    }
    // Whoever holds the run for longer, a late answer or the owner, must not hold the episode. A
    // table that the plan reads belongs to a replay, so the plan goes first.
    plan_.reset();
    replays_ = {};
    Done done = std::move(done_);
    job_ = Job();
    done(std::move(result));
  }

  Executor* const executor_;
  Observer* const observer_;

  // Of the driver.
  Job job_;
  Done done_;
  const bool brief_;
  const absl::Time started_;
  const absl::Time deadline_;
  std::unique_ptr<typename Of::Plan> plan_;
  std::array<Replay, kTargets> replays_;
  int round_ = 0;  // written by the driver under the lock

  Mutex mutex_;
  bool driving_ ABSL_GUARDED_BY(mutex_) = false;
  bool begun_ ABSL_GUARDED_BY(mutex_) = false;
  bool cancelled_ = false;  // guarded by mutex_; Interrupt takes their address
  bool timed_out_ = false;
  bool round_over_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  int open_parts_ ABSL_GUARDED_BY(mutex_) = 0;
  std::array<Part, kTargets> parts_ ABSL_GUARDED_BY(mutex_);
  Executor::TimerId timer_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace

Engine::Engine(Executor* executor, Observer* observer) : executor_(executor), observer_(observer) {}

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
