#include "tests/simulation/client.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace assay::simulation {
namespace {

using v1::StreamSignalsRequest;
using v1::StreamSignalsResponse;

StreamSignalsRequest Wrap(v1::EvaluateResponse response) {
  StreamSignalsRequest request;
  *request.mutable_evaluation() = std::move(response);
  return request;
}

v1::EvaluateResponse RightAnswers(const v1::EvaluateRequest& request) {
  v1::EvaluateResponse response;
  response.set_evaluation_id(request.evaluation_id());
  for (const v1::Question& question : request.questions()) {
    response.mutable_answers()->add_answers()->set_mean(
        Value(request.episode_id(), question.counterfactual()));
  }
  return response;
}

}  // namespace

Client::Client(VirtualExecutor* executor, Random random, Behaviour behaviour,
               std::shared_ptr<service::StreamCall> call, Bug bug)
    : executor_(executor),
      random_(random),
      behaviour_(behaviour),
      call_(std::move(call)),
      bug_(bug),
      uplink_free_at_(executor->Now()) {}

void Client::Run(v1::AttributionOptions options, std::vector<v1::Episode> episodes) {
  to_send_.assign(episodes.begin(), episodes.end());
  for (const v1::Episode& episode : episodes) {
    if (episode.has_group()) groups_[episode.group().id()].size = episode.group().size();
  }
  if (!(behaviour_.violates && Chance(random_, 30))) {
    StreamSignalsRequest request;
    *request.mutable_options() = std::move(options);
    Uplink(std::move(request));
  }
  if (behaviour_.violates || behaviour_.floods) credits_ = 1'000'000;  // does not wait for `ready`
  if (behaviour_.disconnects_after != absl::InfiniteDuration()) {
    executor_->After(behaviour_.disconnects_after, [this] { Disconnect(); });
  }
  executor_->Post([this] { SendMore(); });
}

void Client::SendMore() {
  while (!to_send_.empty() && unanswered_ < credits_) {
    StreamSignalsRequest request;
    *request.mutable_episode() = std::move(to_send_.front());
    to_send_.pop_front();
    ++unanswered_;
    Uplink(std::move(request));
    if (behaviour_.violates && Chance(random_, 20)) {
      StreamSignalsRequest wrong;
      if (Chance(random_, 50)) {
        wrong.mutable_options();
      } else {
        wrong.mutable_evaluation()->set_evaluation_id("never asked");
      }
      Uplink(std::move(wrong));
    }
  }
  const bool all_answered = credits_ > 0 && unanswered_ == 0 && !OwesGroup();
  if (to_send_.empty() && !half_closed_ && (behaviour_.half_closes_early || all_answered)) {
    half_closed_ = true;
    uplink_.emplace_back(std::nullopt);
    uplink_free_at_ = std::max(uplink_free_at_, executor_->Now() + Latency());
    executor_->After(uplink_free_at_ - executor_->Now(), [this] { DeliverOne(); });
  }
}

// Messages arrive in the order sent, each a latency after the one before at the earliest.
void Client::Uplink(StreamSignalsRequest request) {
  if (half_closed_) return;
  uplink_.emplace_back(std::move(request));
  uplink_free_at_ = std::max(uplink_free_at_, executor_->Now() + Latency());
  executor_->After(uplink_free_at_ - executor_->Now(), [this] { DeliverOne(); });
}

void Client::DeliverOne() {
  if (uplink_.empty() || ended_ || disconnected_) return;
  std::optional<StreamSignalsRequest> next = std::move(uplink_.front());
  uplink_.pop_front();
  if (!next.has_value()) {
    call_->OnHalfClose();
    return;
  }
  if (!finishing_.has_value() && next->has_episode()) ++delivered_[next->episode().id()];
  call_->OnRequest(std::make_shared<const StreamSignalsRequest>(std::move(*next)));
}

bool Client::OwesGroup() const {
  return std::any_of(groups_.begin(), groups_.end(), [](const auto& group) {
    return !group.second.closed && group.second.answered >= group.second.size;
  });
}

bool Client::Plays(Bug bug, const StreamSignalsResponse& response) {
  if (bug_ != bug || bug_played_) return false;
  if (bug == Bug::kLostGroup) return bug_played_ = response.has_group();
  if (bug == Bug::kWrongTeam || bug == Bug::kLateGroup) {
    const v1::GroupSignals& group = response.group().signals();
    return bug_played_ = group.episodes_size() > 0 && group.episodes(0).recombined_size() > 0 &&
                         group.audit().has_options();
  }
  if (!response.has_result()) return false;
  if (bug == Bug::kWrongConservation &&
      (!response.result().has_signals() || response.result().signals().messages().empty())) {
    return false;
  }
  if (bug == Bug::kDrainRace && !drained_) return false;
  return bug_played_ = true;
}

void Client::Write(const StreamSignalsResponse* response, bool /*more*/) {
  if (writing_) violation_ = "a write before the one before was done";
  if (finishing_.has_value()) violation_ = "a write after the end";
  writing_ = true;
  auto copy = std::make_shared<StreamSignalsResponse>(*response);
  if (Plays(Bug::kCreditDeadlock, *copy)) return;
  const bool lost = Plays(Bug::kLostResult, *copy) || Plays(Bug::kDrainRace, *copy) ||
                    Plays(Bug::kLostGroup, *copy);
  if (Plays(Bug::kWrongTeam, *copy)) {
    v1::GroupSignals* group = copy->mutable_group()->mutable_signals();
    v1::RecombinedValue* first = group->mutable_episodes(0)->mutable_recombined(0);
    first->set_value(first->value() + 1e-12);
  }
  if (Plays(Bug::kLateGroup, *copy)) {
    v1::GroupSignals* group = copy->mutable_group()->mutable_signals();
    group->mutable_recombined()->mutable_error()->set_code(4);
    for (v1::EpisodeAdvantages& episode : *group->mutable_episodes()) episode.clear_recombined();
  }
  const int times = lost ? 0 : Plays(Bug::kDoubleResult, *copy) ? 2 : 1;
  if (Plays(Bug::kWrongConservation, *copy)) {
    v1::MessageSignal* first = copy->mutable_result()->mutable_signals()->mutable_messages(0);
    first->set_reward(first->reward() + 1e-6);
  }
  const bool stuck = behaviour_.stops_reading_after >= 0 &&
                     static_cast<int>(received_.size()) >= behaviour_.stops_reading_after;
  if (stuck) return;  // the transport's window is full for good
  executor_->After(Latency(), [this, copy, times] {
    writing_ = false;
    if (ended_) return;
    if (!disconnected_) {
      for (int k = 0; k < times; ++k) Receive(*copy);
    }
    call_->OnWriteDone();
    if (finishing_.has_value()) End();
  });
}

void Client::Receive(const StreamSignalsResponse& response) {
  received_.push_back(response);
  switch (response.message_case()) {
    case StreamSignalsResponse::kReady:
      if (credits_ == 0) credits_ = response.ready().max_episodes_in_flight();
      break;
    case StreamSignalsResponse::kResult:
      --unanswered_;
      // One that was turned away may not count in its group: nobody waits for that.
      if (response.result().signals().has_group()) {
        ++groups_[response.result().signals().group().id()].answered;
      }
      break;
    case StreamSignalsResponse::kGroup:
      groups_[response.group().group_id()].closed = true;
      break;
    case StreamSignalsResponse::kEvaluate:
      AnswerQuestions(response.evaluate());
      break;
    default:
      break;
  }
  SendMore();
}

void Client::AnswerQuestions(const v1::EvaluateRequest& request) {
  v1::EvaluateResponse response = RightAnswers(request);
  absl::Duration delay = absl::Milliseconds(1 + Below(random_, 200));
  if (behaviour_.faulty_answers) {
    switch (Below(random_, 20)) {
      case 0:
        return;  // never
      case 1:
        delay = absl::Seconds(10);  // late
        break;
      case 2:
        executor_->After(delay / 2, [this, response] { Uplink(Wrap(response)); });  // twice
        break;
      case 3:
        response.mutable_answers()->mutable_answers(0)->set_mean(
            std::numeric_limits<double>::quiet_NaN());
        break;
      case 4:
        response.mutable_answers()->mutable_answers()->RemoveLast();
        break;
      case 5:
        response.mutable_answers()->mutable_answers(0)->set_mean(1e6);
        break;
      case 6:
        response.mutable_error()->set_code(static_cast<int>(absl::StatusCode::kUnavailable));
        break;
      default:
        break;
    }
  }
  executor_->After(delay, [this, response] { Uplink(Wrap(response)); });
}

void Client::Disconnect() {
  if (ended_ || disconnected_) return;
  disconnected_ = true;
  call_->OnCancel();
  if (finishing_.has_value()) End();
}

void Client::Finish(const absl::Status& status) {
  if (finishing_.has_value()) violation_ = "the stream ended twice";
  finishing_ = status;
  if (!writing_ || disconnected_) executor_->After(Latency(), [this] { End(); });
}

void Client::Abort() {
  if (!finishing_.has_value()) violation_ = "aborted before it was finished";
  executor_->Post([this] { End(); });
}

void Client::End() {
  if (ended_ || !finishing_.has_value()) return;
  ended_ = true;
  status_ = *finishing_;
  call_->Detach();
}

}  // namespace assay::simulation
