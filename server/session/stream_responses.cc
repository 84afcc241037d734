// The half of StreamSession that writes: results, groups, questions and notices on their way to the
// client. Requests are read in stream_session.cc.
#include <algorithm>
#include <utility>

#include "server/session/stream_session.h"
#include "server/wire/errors.h"
#include "server/wire/questions/questions.h"

namespace assay::service {

void StreamSession::OnEpisodesDone(std::vector<EpisodeOutcome> outcomes, absl::Time now) {
  for (EpisodeOutcome& outcome : outcomes) Settle(std::move(outcome), now);
  Pump(now);
}

void StreamSession::Settle(EpisodeOutcome outcome, absl::Time now) {
  const auto found = episodes_.find(outcome.ticket);
  if (found == episodes_.end() || found->second.answered) return;
  --started_;
  started_long_ -= found->second.is_long ? 1 : 0;
  if (finished_) {
    LeaveAdmission(&found->second);
    episodes_.erase(found);
    return;
  }
  Answer(outcome.ticket, std::move(outcome.response), now);
}

void StreamSession::OnAsk(const evaluation::CallerRequest& request, absl::Time now) {
  if (finished_) return;
  auto response = std::make_shared<v1::StreamSignalsResponse>();
  v1::EvaluateRequest* evaluate = response->mutable_evaluate();
  evaluation::BatchToWire({request.context, request.questions, request.deadline}, now, evaluate);
  evaluate->set_evaluation_id(request.evaluation_id);
  summary_.questions += static_cast<int64_t>(request.questions.size());
  Enqueue(std::move(response));
  Pump(now);
}

void StreamSession::Answer(Ticket ticket, std::shared_ptr<v1::StreamSignalsResponse> response,
                           absl::Time now) {
  v1::EpisodeResult& result = *response->mutable_result();
  InFlight& in_flight = episodes_.at(ticket);
  in_flight.answered = true;
  in_flight.work.reset();
  --unanswered_;
  LeaveAdmission(&in_flight);
  SetElapsed(now - in_flight.read_at, &result);
  Report(result, now - in_flight.read_at);
  if (!in_flight.group.empty()) {
    groups_->Answered(in_flight.group, in_flight.id,
                      result.has_signals() ? &result.signals() : nullptr, now);
  }
  for (v1::Notice& notice : notices_.Take(in_flight.notice_reasons, result)) {
    auto hint = std::make_shared<v1::StreamSignalsResponse>();
    *hint->mutable_notice() = std::move(notice);
    Enqueue(std::move(hint));
  }
  Enqueue(std::move(response), Kind::kResult, ticket);
  TakeGroups();
}

void StreamSession::AnswerError(Ticket ticket, absl::string_view id, const absl::Status& error,
                                absl::Time now) {
  auto response = std::make_shared<v1::StreamSignalsResponse>();
  *response->mutable_result() = MakeError(id, error);
  Answer(ticket, std::move(response), now);
}

void StreamSession::Report(const v1::EpisodeResult& result, absl::Duration elapsed) {
  ++(result.has_signals() ? summary_.answered : summary_.failed);
  const double range = options_->options->range.size();
  deps_.observers.Tell(&SessionObserver::OnEpisode, result, range, elapsed,
                       Origin{deps_.stream, deps_.trace.trace_id});
}

void StreamSession::Enqueue(std::shared_ptr<const v1::StreamSignalsResponse> response, Kind kind,
                            Ticket ticket) {
  Pending pending;
  pending.kind = kind;
  pending.ticket = ticket;
  pending.bytes = static_cast<int64_t>(response->ByteSizeLong());
  pending.response = std::move(response);
  response_bytes_ += pending.bytes;
  Keep(pending.bytes);
  responses_.push_back(std::move(pending));
}

void StreamSession::TakeGroups() {
  for (GroupWork& work : groups_->TakeReady()) waiting_groups_.push_back(std::move(work));
}

void StreamSession::StartGroups() {
  while (!waiting_groups_.empty() && response_bytes_ <= config_.max_bytes_in_flight) {
    GroupWork& work = waiting_groups_.front();
    if (work.asks() && asking_groups_ >= config_.max_groups_asking) return;
    const Ticket ticket = ++last_ticket_;
    started_groups_[ticket] = {work.id, work.bytes, work.asks()};
    if (work.asks()) ++asking_groups_;
    // The group has waited for its members as long as that at most; it may wait for its teams so.
    const absl::Duration timeout =
        options_->group_timeout > absl::ZeroDuration()
            ? std::min(options_->group_timeout, options_->episode_timeout)
            : options_->episode_timeout;
    Act(StartGroup{ticket, std::move(work), timeout});
    waiting_groups_.pop_front();
  }
}

void StreamSession::OnGroupDone(GroupOutcome outcome, absl::Time now) {
  const auto found = started_groups_.find(outcome.ticket);
  if (found == started_groups_.end()) return;
  const GroupInFlight group = std::move(found->second);
  started_groups_.erase(found);
  if (group.asks) --asking_groups_;
  if (finished_) return Keep(-group.bytes);
  groups_->Done(group.id);
  ++summary_.groups;
  Enqueue(std::move(outcome.response));
  Pump(now);
}

void StreamSession::WriteNext(absl::Time now) {
  if (writing_ || responses_.empty()) return;
  Pending pending = std::move(responses_.front());
  responses_.pop_front();
  response_bytes_ -= pending.bytes;
  // Credits come back here and not when the write is done: by then the client may have read the
  // result and sent the next episode.
  if (pending.kind == Kind::kRejection) --rejections_unread_;
  if (pending.kind == Kind::kResult) {
    const auto found = episodes_.find(pending.ticket);
    bytes_in_flight_ -= found->second.bytes;
    if (found->second.owns_id) unanswered_ids_.erase(found->second.id);
    episodes_.erase(found);
  }
  writing_ = true;
  writing_bytes_ = pending.bytes;
  write_deadline_ = now + config_.write_stall;
  Act(WriteResponse{std::move(pending.response), !responses_.empty()});
}

void StreamSession::OnWriteDone(absl::Time now) {
  writing_ = false;
  Keep(-writing_bytes_);
  writing_bytes_ = 0;
  write_deadline_ = absl::InfiniteFuture();
  Pump(now);
}

}  // namespace assay::service
