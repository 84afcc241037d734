#include "server/calls/stream_call.h"

#include <algorithm>
#include <utility>

#include "server/audit/result.h"
#include "server/calls/arena_message.h"
#include "server/wire/errors.h"

namespace assay::service {
namespace {

// Short episodes that a worker takes at once: enough that the hand-over and the write cost little
// for each of them, and few enough that the first answer waits for less than a millisecond.
constexpr int kBurst = 16;

}  // namespace

// The caller evaluator may outlive the stream by a question.
class StreamCall::Sink final : public evaluation::CallerSink {
 public:
  explicit Sink(std::weak_ptr<StreamCall> call) : call_(std::move(call)) {}
  void Ask(evaluation::CallerRequest request) override {
    const std::shared_ptr<StreamCall> call = call_.lock();
    if (call == nullptr) return;
    call->Step([&request](StreamSession& session, absl::Time now) { session.OnAsk(request, now); });
  }

 private:
  const std::weak_ptr<StreamCall> call_;
};

StreamCall::StreamCall(const ServiceDeps& deps, CallContext context, SessionConfig config,
                       absl::Duration linger, uint64_t stream)
    : deps_(deps), context_(std::move(context)), config_(config), linger_(linger) {
  StreamSession::Deps session;
  session.config = &config_;
  session.catalog = deps_.catalog;
  session.admission = &context_.share->admission;
  session.trace = context_.trace;
  session.observers = deps_.observers;
  session.stream = stream;
  session.make_caller = [this](const signals::EvaluatorTraits& traits,
                               const evaluation::CallerLimits& limits) {
    return evaluation::MakeCaller(traits, limits, std::make_shared<Sink>(weak_from_this()),
                                  deps_.question_observers);
  };
  session_ = std::make_unique<StreamSession>(std::move(session), deps_.executor->Now());
}

template <class Input>
void StreamCall::Step(Input input) {
  std::vector<Action> rest;
  int bursts = 0;
  {
    MutexLock lock(&mutex_);
    input(*session_, deps_.executor->Now());
    rest = Perform(session_->TakeActions());
    bursts = BurstsToPost();
    ArmTimer();
  }
  PerformUnlocked(std::move(rest));
  for (; bursts > 0; --bursts) {
    deps_.executor->PostBrief([self = shared_from_this()] { self->RunBurst(); });
  }
}

void StreamCall::Attach(StreamTransport* transport) {
  MutexLock lock(&mutex_);
  transport_ = transport;
  ArmTimer();
}

StreamSummary StreamCall::Detach() {
  OnCancel();  // harmless where the stream has ended
  MutexLock lock(&mutex_);
  transport_ = nullptr;
  writing_.reset();
  deps_.executor->Cancel(timer_);
  abort_at_ = absl::InfiniteFuture();
  return session_->Summary(deps_.executor->Now());
}

void StreamCall::OnRequest(std::shared_ptr<const v1::StreamSignalsRequest> request) {
  Step([&request](StreamSession& session, absl::Time now) {
    session.OnRequest(std::move(request), now);
  });
}

void StreamCall::OnHalfClose() {
  Step([](StreamSession& session, absl::Time now) { session.OnHalfClose(now); });
}

void StreamCall::OnWriteDone() {
  Step([this](StreamSession& session, absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    writing_.reset();
    session.OnWriteDone(now);
  });
}

void StreamCall::OnCancel() {
  Step([](StreamSession& session, absl::Time) { session.OnCancel(); });
}

void StreamCall::Refuse(const absl::Status& status) {
  Step([&status](StreamSession& session, absl::Time) { session.OnRefuse(status); });
}

void StreamCall::Drain(absl::string_view reason, absl::Duration grace) {
  Step([=](StreamSession& session, absl::Time now) { session.OnDrain(reason, grace, now); });
}

void StreamCall::OnTimer() {
  Step([this](StreamSession& session, absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    armed_for_ = absl::InfiniteFuture();
    if (now >= abort_at_ && transport_ != nullptr) {
      transport_->Abort();
      abort_at_ = absl::InfiniteFuture();
    }
    session.OnTimer(now);
  });
}

std::vector<Action> StreamCall::Perform(std::vector<Action> actions) {
  std::vector<Action> rest;
  for (Action& action : actions) {
    if (auto* start = std::get_if<StartEpisode>(&action)) {
      Start(std::move(*start));
    } else if (auto* group = std::get_if<StartGroup>(&action)) {
      Start(std::move(*group));
    } else if (auto* write = std::get_if<WriteResponse>(&action)) {
      writing_ = std::move(write->response);
      if (transport_ != nullptr) transport_->Write(writing_.get(), write->more);
    } else if (auto* finish = std::get_if<FinishStream>(&action)) {
      if (transport_ != nullptr) transport_->Finish(finish->status);
      abort_at_ = deps_.executor->Now() + linger_;
    } else {
      rest.push_back(std::move(action));
    }
  }
  return rest;
}

void StreamCall::Start(StartEpisode start) {
  engine::EpisodeJob job = start.work.Job(start.timeout);
  const Ticket ticket = start.ticket;
  const bool is_short = start.is_short;
  auto done = [self = shared_from_this(), ticket,
               work = std::move(start.work)](absl::StatusOr<signals::Signals> signals) mutable {
    auto response = MakeOnArena<v1::StreamSignalsResponse>();
    MakeResult(work, std::move(signals), response->mutable_result());
    work = EpisodeWork();  // the episode's memory ends before its credit does
    self->OnEpisodeDone({ticket, std::move(response)});
  };
  const auto run = deps_.engine->Make(std::move(job), std::move(done));
  runs_[ticket] = run;
  if (is_short) {
    short_.push_back(run);
  } else {
    run->Start();
  }
}

void StreamCall::Start(StartGroup start) {
  const bool asks = start.work.asks();
  engine::GroupJob job;
  if (asks) job = start.work.Job(start.timeout);
  auto done = [self = shared_from_this(), ticket = start.ticket,
               work = std::move(start.work)](const AskedTeams& asked) mutable {
    auto response = MakeOnArena<v1::StreamSignalsResponse>();
    MakeResult(work, asked, response->mutable_group());
    work = GroupWork();  // likewise
    self->OnGroupDone({ticket, std::move(response)});
  };
  if (!asks) {
    deps_.executor->Post([done = std::move(done)]() mutable { done(std::nullopt); });
    return;
  }
  const auto run = deps_.engine->Make(
      std::move(job),
      [done = std::move(done)](absl::StatusOr<recombination::Recombined> values) mutable {
        done(std::move(values));
      });
  runs_[start.ticket] = run;
  run->Start();
}

int StreamCall::BurstsToPost() {
  const auto waiting = static_cast<int>(short_.size());
  const int wanted = std::min((waiting + kBurst - 1) / kBurst, deps_.executor->workers());
  const int more = std::max(wanted - bursts_, 0);
  bursts_ += more;
  return more;
}

void StreamCall::RunBurst() {
  std::vector<std::shared_ptr<engine::Run>> burst;
  {
    MutexLock lock(&mutex_);
    ++gathering_;
    for (; !short_.empty() && burst.size() < kBurst; short_.pop_front()) {
      burst.push_back(std::move(short_.front()));
    }
  }
  for (const auto& run : burst) run->StartHere();
  Step([this](StreamSession& session, absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    --gathering_;
    --bursts_;
    session.OnEpisodesDone(std::exchange(gathered_, {}), now);
  });
}

void StreamCall::OnEpisodeDone(EpisodeOutcome outcome) {
  {
    MutexLock lock(&mutex_);
    runs_.erase(outcome.ticket);
    gathered_.push_back(std::move(outcome));
    if (gathering_ > 0) return;
  }
  Step([this](StreamSession& session, absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    session.OnEpisodesDone(std::exchange(gathered_, {}), now);
  });
}

void StreamCall::OnGroupDone(GroupOutcome outcome) {
  Step([this, &outcome](StreamSession& session, absl::Time now)
           ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
             runs_.erase(outcome.ticket);
             session.OnGroupDone(std::move(outcome), now);
           });
}

void StreamCall::Cancel(Ticket ticket) {
  std::shared_ptr<engine::Run> run;
  {
    MutexLock lock(&mutex_);
    const auto found = runs_.find(ticket);
    if (found != runs_.end()) run = found->second;
  }
  if (run != nullptr) run->Cancel();
}

void StreamCall::PerformUnlocked(std::vector<Action> actions) {
  for (Action& action : actions) {
    if (auto* deliver = std::get_if<DeliverAnswers>(&action)) {
      const evaluation::AnswerFate fate =
          deliver->caller->OnAnswers(deliver->evaluation_id, std::move(deliver->answers));
      if (fate == evaluation::AnswerFate::kUnknown) {
        Step([](StreamSession& session, absl::Time) { session.OnUnknownEvaluation(); });
      }
    } else if (auto* close = std::get_if<CloseCaller>(&action)) {
      close->caller->Close(close->status);
    } else if (auto* episode = std::get_if<CancelEpisode>(&action)) {
      Cancel(episode->ticket);
    } else if (auto* group = std::get_if<CancelGroup>(&action)) {
      Cancel(group->ticket);
    }
  }
}

void StreamCall::ArmTimer() {
  if (transport_ == nullptr) return;
  const absl::Time at = std::min(session_->wake_at(), abort_at_);
  // A timer that is too early wakes for nothing once and is set right then: cheaper than setting a
  // new one for every write.
  if (at >= armed_for_) return;
  deps_.executor->Cancel(timer_);
  armed_for_ = at;
  const absl::Duration delay = std::max(at - deps_.executor->Now(), absl::ZeroDuration());
  timer_ = deps_.executor->After(delay, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->OnTimer();
  });
}

}  // namespace assay::service
