#include "server/session/stream_session.h"

#include <algorithm>
#include <utility>

#include "absl/base/attributes.h"
#include "absl/strings/str_cat.h"
#include "server/base/utf8.h"
#include "server/wire/authors.h"
#include "server/wire/errors.h"
#include "server/wire/option_effects.h"
#include "server/wire/questions/durations.h"
#include "server/wire/questions/questions.h"
#include "server/wire/validate.h"

namespace assay::service {

StreamSession::StreamSession(Deps deps, absl::Time now)
    : deps_(std::move(deps)), config_(*deps_.config), opened_at_(now) {
  summary_.stream = deps_.stream;
  summary_.trace_id = deps_.trace.trace_id;
}

StreamSession::~StreamSession() { deps_.admission->Leave(held_); }

void StreamSession::OnRequest(std::shared_ptr<const v1::StreamSignalsRequest> request,
                              absl::Time now) {
  if (finished_) return;
  quiet_since_ = absl::InfiniteFuture();
  using Request = v1::StreamSignalsRequest;
  if (options_ == nullptr && request->message_case() != Request::kOptions) {
    return Finish(ProtocolViolation("options must come first"));
  }
  switch (request->message_case()) {
    case Request::kOptions:
      OnOptions(request->options());
      break;
    case Request::kEpisode: {
      // Shares the request's life; the content stays where the parser put it.
      const v1::Episode* episode = &request->episode();
      OnEpisode(std::shared_ptr<const v1::Episode>(std::move(request), episode), now);
      break;
    }
    case Request::kEvaluation:
      OnEvaluation(request->evaluation());
      break;
    case Request::MESSAGE_NOT_SET:
      return Finish(ProtocolViolation("a request without message"));
  }
  Pump(now);
}

void StreamSession::OnOptions(const v1::AttributionOptions& sent) {
  if (options_ != nullptr) return Finish(ProtocolViolation("options were sent twice"));
  const MakeCallerFn make_caller(deps_.make_caller);
  absl::StatusOr<ResolvedOptions> resolved =
      ResolveOptions(sent, config_.limits, *deps_.catalog, make_caller);
  if (!resolved.ok()) return Finish(resolved.status());
  if (absl::Status idle = CheckEffects(*resolved); !idle.ok()) return Finish(std::move(idle));
  resolved->traceparent = deps_.trace.traceparent;
  options_ = std::make_shared<ResolvedOptions>(*std::move(resolved));
  groups_.emplace(options_, config_.limits, options_->group_timeout, config_.max_bytes_in_flight);
  auto response = std::make_shared<v1::StreamSignalsResponse>();
  v1::StreamReady* ready = response->mutable_ready();
  *ready->mutable_options() = options_->wire;
  *ready->mutable_limits() = config_.limits.ToWire();
  ready->set_max_episodes_in_flight(config_.max_episodes_in_flight);
  ready->set_max_bytes_in_flight(config_.max_bytes_in_flight);
  Enqueue(std::move(response));
}

void StreamSession::OnEpisode(const std::shared_ptr<const v1::Episode>& episode, absl::Time now) {
  ++summary_.episodes;
  const auto bytes = static_cast<int64_t>(episode->ByteSizeLong());
  // One that is too large for ever is told so, whatever is in flight.
  const int64_t credit = bytes > config_.limits.max_episode_bytes ? 0 : bytes;
  if (static_cast<int>(episodes_.size()) >= config_.max_episodes_in_flight ||
      bytes_in_flight_ + credit > config_.max_bytes_in_flight) {
    return RejectBeyondCredits(*episode);
  }
  const Ticket ticket = ++last_ticket_;
  InFlight& in_flight = episodes_[ticket];
  in_flight.id = episode->id();
  in_flight.bytes = credit;
  in_flight.read_at = now;
  in_flight.notice_reasons = notices_.ReasonsIn(*episode, *options_->options);
  bytes_in_flight_ += credit;
  ++unanswered_;
  const absl::Status admitted = Admit(episode, bytes, &in_flight, now);
  if (admitted.ok()) {
    waiting_.push_back(ticket);
  } else {
    AnswerError(ticket, episode->id(), admitted, now);
  }
}

absl::Status StreamSession::Admit(const std::shared_ptr<const v1::Episode>& episode, int64_t bytes,
                                  InFlight* in_flight, absl::Time now) {
  absl::Status id = ValidateId("id", episode->id(), config_.limits);
  if (!id.ok()) return id;
  if (!unanswered_ids_.insert(episode->id()).second) {
    return StillUnanswered("id", episode->id());
  }
  in_flight->owns_id = true;
  absl::StatusOr<EpisodeWork> work = AcceptEpisode(episode, bytes, options_, config_.limits);
  // Before the group is told: an episode that may be sent again is not missing from it.
  if (work.ok()) {
    const Load load = {1, MemoryOf(*episode, bytes)};
    Admission::Entry entry = deps_.admission->Enter(load, held_);
    // What groups keep for their teams makes room for what else would be turned away.
    while (entry != Admission::Entry::kEntered && groups_->LetEpisodesGo()) {
      KeepGroups();
      entry = deps_.admission->Enter(load, held_);
    }
    if (entry != Admission::Entry::kEntered) {
      deps_.observers.Tell(&SessionObserver::OnRejected, ReasonOf(entry));
      return NotAdmitted(entry, config_.retry_after);
    }
    in_flight->memory = load.bytes;
    held_.bytes += load.bytes;
    ++held_.episodes;
  }
  if (episode->has_group() && ValidateGroup(episode->group(), config_.limits).ok()) {
    absl::Status joined = groups_->Join(*episode, work.ok() ? &*work : nullptr, now);
    if (joined.ok()) {
      in_flight->group = episode->group().id();
    } else if (work.ok()) {
      deps_.observers.Tell(&SessionObserver::OnRejected, RejectReason::kGroups);
      return joined;
    }
  }
  if (!work.ok()) return work.status();
  in_flight->work = *std::move(work);
  return absl::OkStatus();
}

void StreamSession::RejectBeyondCredits(const v1::Episode& episode) {
  deps_.observers.Tell(&SessionObserver::OnRejected, RejectReason::kCredits);
  if (++rejections_unread_ > config_.max_episodes_in_flight) {
    deps_.observers.Tell(&SessionObserver::OnRejected, RejectReason::kClientDoesNotRead);
    return Finish(ClientDoesNotRead("more rejections are unread than there are credits"));
  }
  auto response = std::make_shared<v1::StreamSignalsResponse>();
  *response->mutable_result() = MakeError(CutText(episode.id(), config_.limits.max_id_bytes),
                                          BeyondCredits(config_.retry_after));
  SetElapsed(absl::ZeroDuration(), response->mutable_result());
  Report(response->result(), absl::ZeroDuration());
  Enqueue(std::move(response), Kind::kRejection);
}

void StreamSession::OnEvaluation(const v1::EvaluateResponse& response) {
  if (options_->caller == nullptr) return OnUnknownEvaluation();
  Act(DeliverAnswers{options_->caller, response.evaluation_id(),
                     evaluation::AnswersFromWire(response)});
}

void StreamSession::OnUnknownEvaluation() {
  if (!finished_) Finish(ProtocolViolation("an evaluation that was never asked for"));
}

void StreamSession::OnHalfClose(absl::Time now) {
  if (finished_ || half_closed_) return;
  half_closed_ = true;
  if (options_ != nullptr && options_->caller != nullptr) {
    Act(CloseCaller{options_->caller, CallerIsGone()});
  }
  // After a go_away the client sends its incomplete groups again, elsewhere.
  if (groups_.has_value() && !drain_deadline_.has_value()) {
    groups_->Close();
    TakeGroups();
  }
  Pump(now);
}

void StreamSession::Pump(absl::Time now) {
  if (finished_) return;
  KeepGroups();
  ExpireWaiting(now);
  StartWaiting(now);
  StartGroups();
  WriteNext(now);
  FinishIfDone(now);
}

void StreamSession::ExpireWaiting(absl::Time now) {
  while (!waiting_.empty()) {
    const InFlight& oldest = episodes_.at(waiting_.front());
    if (now < oldest.read_at + options_->episode_timeout) return;
    const Ticket ticket = waiting_.front();
    waiting_.pop_front();
    AnswerError(ticket, oldest.id, EpisodeTimedOut(options_->episode_timeout), now);
  }
}

void StreamSession::StartWaiting(absl::Time now) {
  while (!waiting_.empty() && response_bytes_ <= config_.max_bytes_in_flight) {
    const Ticket ticket = waiting_.front();
    InFlight& in_flight = episodes_.at(ticket);
    const bool computed_here = in_flight.work->evaluator->local() != nullptr;
    if (computed_here && started_ >= config_.max_started) return;
    const bool is_short = IsShort(*in_flight.work);
    const bool is_long = computed_here && !is_short;
    if (is_long && started_long_ >= config_.max_long_started) return;
    const absl::Status admitted = AdmitPlan(
        std::min(PlanMemory(*in_flight.work), config_.max_bytes_in_flight / 2), &in_flight);
    if (!admitted.ok()) {
      if (started_ > 0) return;  // it is tried again when one of them has ended
      waiting_.pop_front();
      const std::string id = in_flight.id;
      AnswerError(ticket, id, admitted, now);
      continue;
    }
    waiting_.pop_front();
    in_flight.is_long = is_long;
    started_long_ += is_long ? 1 : 0;
    in_flight.started = true;
    ++started_;
    const absl::Duration left = in_flight.read_at + options_->episode_timeout - now;
    Act(StartEpisode{ticket, *std::move(in_flight.work), left, is_short});
    in_flight.work.reset();
  }
}

absl::Status StreamSession::AdmitPlan(int64_t bytes, InFlight* in_flight) {
  if (bytes == 0) return absl::OkStatus();
  const Admission::Entry entry = deps_.admission->Enter({0, bytes}, {0, held_.bytes});
  if (entry != Admission::Entry::kEntered) {
    if (started_ == 0) deps_.observers.Tell(&SessionObserver::OnRejected, ReasonOf(entry));
    return NotAdmitted(entry, config_.retry_after);
  }
  in_flight->memory += bytes;
  held_.bytes += bytes;
  return absl::OkStatus();
}

bool StreamSession::Quiet() const {
  return unanswered_ == 0 && waiting_groups_.empty() && started_groups_.empty() &&
         responses_.empty() && !writing_;
}

void StreamSession::FinishIfDone(absl::Time now) {
  if (!Quiet()) {
    quiet_since_ = absl::InfiniteFuture();
    return;
  }
  if (half_closed_) return Finish(absl::OkStatus());
  quiet_since_ = std::min(quiet_since_, now);
}

void StreamSession::OnDrain(absl::string_view reason, absl::Duration grace, absl::Time now) {
  if (finished_ || drain_deadline_.has_value()) return;
  // A stream that was promised nothing yet has nothing to resend.
  if (options_ == nullptr) return Finish(GoingAway(reason));
  drain_deadline_ = now + grace;
  auto response = std::make_shared<v1::StreamSignalsResponse>();
  response->mutable_go_away()->set_reason(std::string(reason));
  DurationToWire(grace, response->mutable_go_away()->mutable_grace());
  Enqueue(std::move(response));
  Pump(now);
}

void StreamSession::OnTimer(absl::Time now) {
  if (finished_) return;
  if (now >= write_deadline_) {
    deps_.observers.Tell(&SessionObserver::OnRejected, RejectReason::kClientDoesNotRead);
    return Finish(ClientDoesNotRead(
        absl::StrCat("a write stalled for ", absl::FormatDuration(config_.write_stall))));
  }
  if (options_ == nullptr && now >= opened_at_ + config_.first_message) {
    return Finish(absl::DeadlineExceededError("no options were sent"));
  }
  if (drain_deadline_.has_value() &&
      (now >= *drain_deadline_ || now >= quiet_since_ + config_.drain_idle)) {
    return Finish(GoingAway("open a new stream and resend what is unanswered"));
  }
  if (!drain_deadline_.has_value() && now >= opened_at_ + config_.max_age) {
    OnDrain("max stream age", config_.max_age_grace, now);
    if (finished_) return;
  }
  if (groups_.has_value()) {
    groups_->OnTime(now);
    TakeGroups();
  }
  Pump(now);
}

absl::Time StreamSession::wake_at() const {
  if (finished_) return absl::InfiniteFuture();
  absl::Time at = write_deadline_;
  if (options_ == nullptr) at = std::min(at, opened_at_ + config_.first_message);
  if (drain_deadline_.has_value()) {
    at = std::min({at, *drain_deadline_, quiet_since_ + config_.drain_idle});
  } else {
    at = std::min(at, opened_at_ + config_.max_age);
  }
  if (groups_.has_value()) at = std::min(at, groups_->next_time());
  if (!waiting_.empty()) {
    at = std::min(at, episodes_.at(waiting_.front()).read_at + options_->episode_timeout);
  }
  return at;
}

void StreamSession::OnCancel() {
  if (!finished_) Finish(absl::CancelledError("the client cancelled the stream"));
}

void StreamSession::OnRefuse(absl::Status status) { Finish(std::move(status)); }

void StreamSession::Finish(absl::Status status) {
  if (finished_) return;
  finished_ = true;
  summary_.status = status;
  if (options_ != nullptr && options_->caller != nullptr) {
    Act(CloseCaller{options_->caller, absl::CancelledError("the stream is over")});
  }
  // The newest first: their questions wait behind the others', and must not take the room that
  // those leave. Memory counts until the engine has let an episode go.
  for (auto it = episodes_.rbegin(); it != episodes_.rend(); ++it) {
    if (it->second.started && !it->second.answered) Act(CancelEpisode{it->first});
  }
  for (auto it = episodes_.begin(); it != episodes_.end();) {
    const auto current = it++;
    if (current->second.started && !current->second.answered) continue;
    LeaveAdmission(&current->second);
    episodes_.erase(current);
  }
  for (auto it = started_groups_.rbegin(); it != started_groups_.rend(); ++it) {
    Act(CancelGroup{it->first});
  }
  waiting_.clear();
  waiting_groups_.clear();
  responses_.clear();
  // A write that is on its way may never be told to be done.
  Keep(-response_bytes_ - writing_bytes_);
  response_bytes_ = writing_bytes_ = 0;
  groups_.reset();
  KeepGroups();
  for (const auto& [ticket, group] : started_groups_) Keep(group.bytes);
  unanswered_ids_.clear();
  Act(FinishStream{std::move(status)});
}

void StreamSession::LeaveAdmission(InFlight* in_flight) {
  if (in_flight->memory == 0) return;
  const Load load = {1, in_flight->memory};
  in_flight->memory = 0;
  --held_.episodes;
  held_.bytes -= load.bytes;
  deps_.admission->Leave(load);
}

void StreamSession::Keep(int64_t bytes) {
  held_.bytes += bytes;
  deps_.admission->Grow({0, bytes});
}

void StreamSession::KeepGroups() {
  const int64_t bytes = groups_.has_value() ? groups_->bytes() : 0;
  if (bytes != groups_held_) Keep(bytes - groups_held_);
  groups_held_ = bytes;
}

// Not inline: where it is, gcc 12 takes the cases of the variant that are not set for used.
ABSL_ATTRIBUTE_NOINLINE void StreamSession::Act(Action action) {
  actions_.push_back(std::move(action));
}

std::vector<Action> StreamSession::TakeActions() { return std::exchange(actions_, {}); }

StreamSummary StreamSession::Summary(absl::Time now) const {
  StreamSummary summary = summary_;
  summary.elapsed = now - opened_at_;
  return summary;
}

}  // namespace assay::service
