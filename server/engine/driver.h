// Drives one plan: asks its questions, tells it the answers, and ends it at its deadline or when it
// is cancelled. What an episode and a group do differently is in the parameter `Of` (engine.cc).
#ifndef ASSAY_SERVER_ENGINE_DRIVER_H_
#define ASSAY_SERVER_ENGINE_DRIVER_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/base/mutex.h"
#include "server/engine/driver_state.h"
#include "server/engine/engine.h"
#include "server/engine/executor.h"
#include "server/engine/fan_out.h"
#include "server/engine/parts.h"
#include "server/engine/rest.h"
#include "server/evaluation/evaluator.h"

namespace assay::engine {

using Replay = std::shared_ptr<const evaluation::EpisodeReplay>;

// One plan on its way. Whatever happens (an answer, the deadline, a cancel) is noted under the
// lock; one worker at a time, the driver, acts on it and touches the plan.
template <class Of>
class Driver final : public Run, public std::enable_shared_from_this<Driver<Of>> {
 public:
  using Job = typename Of::Job;
  using Result = typename Of::Result;
  using Done = absl::AnyInvocable<void(absl::StatusOr<Result>)>;

  Driver(Executor* executor, EngineObserver* observer, Job job, Done done)
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
      if (driving_ || state_ == State::kFinished) return;  // cancelled before it began
      driving_ = true;
    }
    Drive();
    ArmDeadline();  // few get here unfinished, and only they pay for a timer
  }

  void Cancel() override { Interrupt(Stop::kCancelled); }

 private:
  void ArmDeadline() {
    MutexLock lock(&mutex_);
    if (state_ == State::kFinished || deadline_ == absl::InfiniteFuture()) return;
    timer_ = executor_->After(deadline_ - executor_->Now(),
                              [self = this->shared_from_this()] { self->OnDeadline(); });
  }

  void OnDeadline() { Interrupt(Stop::kTimedOut); }

  void Interrupt(Stop why) {
    ByTarget<std::shared_ptr<FanOut>> running;
    {
      MutexLock lock(&mutex_);
      if (state_ == State::kFinished) return;
      stop_ = std::max(stop_, why);
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
      if (driving_ || state_ == State::kFinished) return;
      driving_ = true;
    }
    Executor::Task drive = [self = this->shared_from_this()] { self->Drive(); };
    return brief_ ? executor_->PostBrief(std::move(drive)) : executor_->Post(std::move(drive));
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
          if (Rested()) break;
          continue;
        case Event::kAsk:
          break;
      }
      if (!AskMore()) return;
    }
  }

  // kNone ends the driver's turn in the same breath, so that no event is lost.
  Event NextEvent() {
    MutexLock lock(&mutex_);
    if (state_ == State::kFinished) return Event::kNone;
    if (stop_ == Stop::kCancelled) return Event::kCancelled;
    if (stop_ == Stop::kTimedOut) return Event::kDeadline;
    switch (std::exchange(state_, State::kAsking)) {
      case State::kMade:
        return Event::kBegin;
      case State::kAnswered:
        return Event::kAnswered;
      case State::kTold:
        return Event::kAsk;
      case State::kResting:
        state_ = State::kResting;
        break;
      case State::kAsking:
      case State::kFinished:
        break;
    }
    driving_ = false;
    return Event::kNone;
  }

  void Begin() {
    Of::Begun(observer_, executor_->Now() - started_);
    plan_ = Of::MakePlan(job_, &replays_[static_cast<int>(signals::Target::kEvaluator)]);
  }

  // False: the run has finished.
  bool AskMore() {
    if (plan_->done()) {
      Finish(plan_->finish());
      return false;
    }
    if (AnswersHere()) return AnswerHere();
    ByTarget<std::vector<signals::Question>> asked = Split(plan_->ask());
    {
      MutexLock lock(&mutex_);
      for (Part& part : parts_) part = Part();
      open_parts_ = 0;
      for (int i = 0; i < kTargets; ++i) {
        if (!asked[i].empty()) OpenPart(static_cast<signals::Target>(i), asked[i]);
      }
      ++round_;
    }
    for (int i = 0; i < kTargets; ++i) {
      if (!asked[i].empty()) AskPart(i, std::move(asked[i]));
    }
    return true;
  }

  // Whether this worker can answer what is asked, without anybody's help.
  bool AnswersHere() const {
    return brief_ && OneTarget(plan_->ask()) && AskedNow()->local() != nullptr;
  }
  evaluation::Evaluator* AskedNow() const {
    return Of::Asked(job_, static_cast<int>(plan_->ask().front().target));
  }

  // False: the run has finished.
  bool AnswerHere() {
    const std::vector<signals::Question>& questions = plan_->ask();
    Replay& replay = replays_[static_cast<int>(questions.front().target)];
    Part part;
    part.evaluator = AskedNow();
    part.count = CountQuestions(questions, job_.context->episode);
    part.asked = executor_->Now();
    observer_->OnQuestionsAsked(part.evaluator->name(), part.count);
    answers_here_.assign(questions.size(), {});
    absl::Status answered = Prepare(*part.evaluator->local(), replay);
    if (answered.ok()) answered = replay->Answer(questions, absl::MakeSpan(answers_here_));
    Report(part, answered);
    if (!answered.ok()) {
      FinishEarly(std::move(answered));
      return false;
    }
    if (absl::Status told = plan_->tell(answers_here_); !told.ok()) {
      Finish(std::move(told));
      return false;
    }
    MutexLock lock(&mutex_);
    state_ = State::kTold;
    return true;
  }

  absl::Status Prepare(const evaluation::LocalEvaluator& evaluator, Replay& replay) {
    if (replay != nullptr) return absl::OkStatus();
    auto prepared = evaluator.Prepare(job_.context);
    if (prepared.ok()) replay = std::move(*prepared);
    return prepared.status();
  }

  void OpenPart(signals::Target target, const std::vector<signals::Question>& questions)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    Part& part = parts_[static_cast<int>(target)];
    part.evaluator = Of::Asked(job_, static_cast<int>(target));
    part.size = questions.size();
    part.count = CountQuestions(questions, job_.context->episode);
    part.asked = executor_->Now();
    part.open = true;
    ++open_parts_;
    observer_->OnQuestionsAsked(part.evaluator->name(), part.count);
  }

  void AskPart(int target, std::vector<signals::Question> questions) {
    evaluation::Evaluator* const evaluator = Of::Asked(job_, target);
    evaluation::BatchDone done = [self = this->shared_from_this(), target,
                                  round = round_](absl::StatusOr<evaluation::Answers> answers) {
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
                std::vector<signals::Question> questions, evaluation::BatchDone done) {
    if (absl::Status prepared = Prepare(evaluator, replays_[target]); !prepared.ok()) {
      done(std::move(prepared));
      return;
    }
    auto fan_out = std::make_shared<FanOut>(executor_, replays_[target], std::move(questions),
                                            std::move(done));
    {
      MutexLock lock(&mutex_);
      if (stop_ != Stop::kNo) fan_out->Stop();
      parts_[target].fan_out = fan_out;
    }
    fan_out->Start();
  }

  void OnAnswers(int target, int round, absl::StatusOr<evaluation::Answers> answers) {
    {
      MutexLock lock(&mutex_);
      Part& part = parts_[target];
      if (state_ == State::kFinished || round != round_ || !part.open) return;
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
      state_ = State::kAnswered;
    }
    Wake();
  }

  void Report(const Part& part, const absl::Status& status) {
    observer_->OnQuestionsDone(part.evaluator->name(), OutcomeName(status), part.count,
                               executor_->Now() - part.asked);
  }

  // False: the run has finished.
  bool TakeAnswers() {
    ByTarget<evaluation::Answers> answers;
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
    const evaluation::Answers joined = Join(plan_->ask(), std::move(answers));
    if (absl::Status told = plan_->tell(joined); !told.ok()) {
      Finish(std::move(told));
      return false;
    }
    rest_ = rests_.After(joined, deadline_ - executor_->Now());
    return true;
  }

  // False: rollouts failed, and what is to be asked now will be so after a rest.
  bool Rested() {
    if (rest_ <= absl::ZeroDuration() || plan_->done()) return true;
    MutexLock lock(&mutex_);
    state_ = State::kResting;
    rest_timer_ = executor_->After(rest_, [self = this->shared_from_this()] { self->OnRested(); });
    return false;
  }

  void OnRested() {
    {
      MutexLock lock(&mutex_);
      if (state_ == State::kResting) state_ = State::kTold;
    }
    Wake();
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
    ByTarget<Part> parts;
    std::pair<Executor::TimerId, Executor::TimerId> timers;
    {
      MutexLock lock(&mutex_);
      state_ = State::kFinished;
      timers = {timer_, rest_timer_};
      for (int i = 0; i < kTargets; ++i) {
        if (parts_[i].open) {
          Report(parts_[i], stop_ == Stop::kTimedOut ? absl::DeadlineExceededError("timeout")
                                                     : absl::CancelledError("cancelled"));
        }
        parts[i] = std::move(parts_[i]);
      }
    }
    if (timers.first != 0) executor_->Cancel(timers.first);
    if (timers.second != 0) executor_->Cancel(timers.second);
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
  EngineObserver* const observer_;

  // Of the driver.
  Job job_;
  Done done_;
  const bool brief_;
  const absl::Time started_;
  const absl::Time deadline_;
  std::unique_ptr<typename Of::Plan> plan_;
  ByTarget<Replay> replays_;
  evaluation::Answers answers_here_;
  Rests rests_;
  absl::Duration rest_;  // before the next round
  int round_ = 0;        // written by the driver under the lock

  Mutex mutex_;
  State state_ ABSL_GUARDED_BY(mutex_) = State::kMade;
  Stop stop_ ABSL_GUARDED_BY(mutex_) = Stop::kNo;
  bool driving_ ABSL_GUARDED_BY(mutex_) = false;  // a worker is in Drive, or was sent there
  int open_parts_ ABSL_GUARDED_BY(mutex_) = 0;
  ByTarget<Part> parts_ ABSL_GUARDED_BY(mutex_);
  Executor::TimerId timer_ ABSL_GUARDED_BY(mutex_) = 0;
  Executor::TimerId rest_timer_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace assay::engine

#endif  // ASSAY_SERVER_ENGINE_DRIVER_H_
