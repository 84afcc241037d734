// Any sequence of messages and events into the state machine of a stream: exactly one result for
// each episode read, or the stream ends not OK; and every result keeps the invariants.
#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/calls/stream_call.h"
#include "server/engine/engine.h"
#include "tests/fuzz/cases.pb.h"
#include "tests/fuzz/episodes.h"
#include "tests/fuzz/invariants.h"
#include "tests/fuzz/mutator.h"
#include "tests/simulation/virtual_executor.h"

namespace assay::fuzz {
namespace {

constexpr uint32_t kMaxPassMillis = 120'000;

// The transport and whoever is behind it: writes complete when the input says so.
class Peer final : public service::StreamTransport {
 public:
  void Write(const v1::StreamSignalsResponse* response, bool /*more*/) override {
    Check(!writing_, "one write at a time");
    Check(!status_.has_value(), "no write after the end");
    writing_ = true;
    Receive(*response);
  }
  void Finish(const absl::Status& status) override {
    Check(!status_.has_value(), "one end");
    status_ = status;
  }
  void Abort() override { Check(status_.has_value(), "finished before it is aborted"); }

  // True where a write was on its way.
  bool TakeWrite() { return std::exchange(writing_, false); }
  void OnEpisodeRead(const v1::Episode& episode) {
    if (!status_.has_value()) read_[episode.id()].push_back(episode);
  }
  const std::vector<v1::EvaluateRequest>& asked() const { return asked_; }
  bool ended() const { return status_.has_value(); }

  void CheckEnd() const {
    Check(status_.has_value(), "the stream ends");
    Check(go_aways_ <= 1, "one go_away");
    if (!status_->ok()) return;
    for (const auto& [id, episodes] : read_) {
      const auto got = results_.find(id);
      const size_t answered = got == results_.end() ? 0 : got->second;
      Check(answered == episodes.size(), "a result for each episode read:", id.c_str());
    }
  }

 private:
  void Receive(const v1::StreamSignalsResponse& response) {
    Check(response.has_ready() != options_.has_value(), "ready comes first, once");
    switch (response.message_case()) {
      case v1::StreamSignalsResponse::kReady:
        options_ = response.ready().options();
        break;
      case v1::StreamSignalsResponse::kResult:
        CheckResult(response.result());
        break;
      case v1::StreamSignalsResponse::kGroup:
        CheckGroup(response.group());
        break;
      case v1::StreamSignalsResponse::kEvaluate:
        Check(response.evaluate().questions_size() > 0, "a question that asks");
        asked_.push_back(response.evaluate());
        break;
      case v1::StreamSignalsResponse::kGoAway:
        ++go_aways_;
        break;
      case v1::StreamSignalsResponse::kNotice:
        Check(++notices_ == 1, "a notice is said once a stream");
        break;
      case v1::StreamSignalsResponse::MESSAGE_NOT_SET:
        Fail("an empty response", "");
    }
  }

  void CheckResult(const v1::EpisodeResult& result) {
    const auto sent = read_.find(result.episode_id());
    Check(sent != read_.end(), "a result for an episode that was read");
    Check(++results_[result.episode_id()] <= sent->second.size(), "no result twice");
    if (!result.has_signals()) return CheckError(result.error());
    Check(options_->allow_partial() || !result.signals().partial(), "partial by leave only");
    // Where an id was read twice, the signals are those of one of them.
    const auto fits = [&result](const v1::Episode& episode) {
      return episode.agents_size() == result.signals().agents_size();
    };
    const auto episode = std::find_if(sent->second.begin(), sent->second.end(), fits);
    Check(episode != sent->second.end(), "signals of the episode that was sent");
    if (sent->second.size() == 1) CheckSignals(result.signals(), *episode, *options_);
  }

  bool writing_ = false;
  int go_aways_ = 0;
  int notices_ = 0;
  std::optional<absl::Status> status_;
  std::optional<v1::AttributionOptions> options_;
  std::vector<v1::EvaluateRequest> asked_;
  std::map<std::string, std::vector<v1::Episode>> read_;
  std::map<std::string, size_t> results_;
};

class World {
 public:
  explicit World(const StreamCase& input)
      : executor_(input.schedule()),
        engine_(&executor_, nullptr),
        admission_(kServer),
        callers_(kCaller, &admission_) {
    config_.max_episodes_in_flight = 1 + static_cast<int>(input.max_episodes_in_flight() % 8);
    config_.max_bytes_in_flight = 64 + input.max_bytes_in_flight() % (1 << 14);
    config_.max_started = 1 + static_cast<int>(input.max_started() % 4);
    config_.limits.max_open_groups = 1 + static_cast<int>(input.max_open_groups() % 4);
    config_.limits.max_agents = 12;
    service::ServiceDeps deps;
    deps.engine = &engine_;
    deps.executor = &executor_;
    deps.config = &config_;
    deps.catalog = &HashEvaluators();
    deps.callers = &callers_;
    call_ = std::make_shared<service::StreamCall>(
        deps, service::CallContext{callers_.Share("client"), {}}, config_, absl::Seconds(5), 1);
    call_->Attach(&peer_);
  }

  void Step(const StreamStep& step) {
    switch (step.step_case()) {
      case StreamStep::kRequest:
        return Send(step.request());
      case StreamStep::kReply:
        return Reply(step.reply());
      case StreamStep::kWriteDone:
        return CompleteWrite();
      case StreamStep::kRunTasks:
        return RunTasks(step.run_tasks() % 64);
      case StreamStep::kPassMillis:
        return executor_.RunFor(absl::Milliseconds(step.pass_millis() % kMaxPassMillis));
      case StreamStep::kHalfClose:
        return HalfClose();
      case StreamStep::kDrainMillis:
        return call_->Drain("fuzz", absl::Milliseconds(step.drain_millis() % kMaxPassMillis));
      case StreamStep::kCancel:
        return call_->OnCancel();
      case StreamStep::STEP_NOT_SET:
        return;
    }
  }

  // Everything that was read is answered, or the stream's end says why not.
  void RunToTheEnd() {
    HalfClose();
    do {
      CompleteWrite();
      executor_.RunReady();
    } while (peer_.TakeWrite() ? (call_->OnWriteDone(), true) : executor_.Advance());
    peer_.CheckEnd();
    call_->Detach();
    call_.reset();
    Check(admission_.episodes() == 0 && admission_.bytes() == 0, "admission was left");
  }

 private:
  static constexpr service::Load kServer = {6, 1 << 15};
  static constexpr service::Load kCaller = {5, 1 << 14};

  // gRPC delivers nothing after a half-close.
  void Send(const v1::StreamSignalsRequest& request) {
    if (half_closed_) return;
    if (request.has_episode()) peer_.OnEpisodeRead(request.episode());
    call_->OnRequest(std::make_shared<const v1::StreamSignalsRequest>(request));
  }

  void Reply(const fuzz::Reply& reply) {
    v1::StreamSignalsRequest request;
    v1::EvaluateResponse* response = request.mutable_evaluation();
    *response = reply.response();
    if (!peer_.asked().empty()) {
      const v1::EvaluateRequest& asked = peer_.asked()[reply.which() % peer_.asked().size()];
      response->set_evaluation_id(asked.evaluation_id());
      if (reply.right()) {
        response->mutable_answers()->clear_answers();
        for (int k = 0; k < asked.questions_size(); ++k) {
          response->mutable_answers()->add_answers()->set_mean(0.125 * (k % 8));
        }
      }
    }
    Send(request);
  }

  void RunTasks(uint32_t count) {
    while (count > 0 && executor_.RunOne()) --count;
  }

  void CompleteWrite() {
    if (peer_.TakeWrite()) call_->OnWriteDone();
  }

  void HalfClose() {
    if (!std::exchange(half_closed_, true)) call_->OnHalfClose();
  }

  simulation::VirtualExecutor executor_;
  engine::Engine engine_;
  service::SessionConfig config_;
  service::Admission admission_;
  service::Callers callers_;
  Peer peer_;
  std::shared_ptr<service::StreamCall> call_;
  bool half_closed_ = false;
};

void MendRequest(const v1::AttributionOptions& options, v1::StreamSignalsRequest* request,
                 Random& random) {
  if (request->has_options()) MendOptions(request->mutable_options(), random);
  if (request->has_episode()) MendEpisode(options, request->mutable_episode(), random);
}

void MendCase(google::protobuf::Message* message, Random& random) {
  auto* input = static_cast<StreamCase*>(message);
  if (input->steps_size() == 0) input->add_steps();
  v1::AttributionOptions* options = input->mutable_steps(0)->mutable_request()->mutable_options();
  for (StreamStep& step : *input->mutable_steps()) {
    if (step.has_request()) MendRequest(*options, step.mutable_request(), random);
  }
}

void Run(const StreamCase& input) {
  World world(input);
  for (const StreamStep& step : input.steps()) world.Step(step);
  world.RunToTheEnd();
}

}  // namespace
}  // namespace assay::fuzz

ASSAY_FUZZ_TARGET(assay::fuzz::StreamCase, assay::fuzz::Run, assay::fuzz::MendCase)
