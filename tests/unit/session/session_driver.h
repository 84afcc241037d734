// Drives a stream's state machine under a hand-moved clock.
#ifndef ASSAY_TESTS_UNIT_SESSION_SESSION_DRIVER_H_
#define ASSAY_TESTS_UNIT_SESSION_SESSION_DRIVER_H_

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/audit/result.h"
#include "server/session/stream_session.h"
#include "tests/unit/session/episodes.h"

namespace assay::service {

inline const absl::Time kStart = absl::FromUnixSeconds(1'000'000);

inline std::shared_ptr<v1::StreamSignalsResponse> Response(v1::EpisodeResult result) {
  auto response = std::make_shared<v1::StreamSignalsResponse>();
  *response->mutable_result() = std::move(result);
  return response;
}

// Performs actions at once, or holds them where the test says so.
class Driver {
 public:
  explicit Driver(const SessionConfig& config = {}, SessionObserver* observer = nullptr)
      : config_(config), admission_({1000, 1 << 30}) {
    StreamSession::Deps deps;
    deps.config = &config_;
    deps.catalog = &catalog_;
    deps.admission = &admission_;
    deps.observers = observer;
    deps.stream = 7;
    deps.trace.trace_id = "trace";
    deps.make_caller = [this](const signals::EvaluatorTraits& traits,
                              const evaluation::CallerLimits& limits) {
      return evaluation::MakeCaller(traits, limits, std::make_shared<Sink>(this), nullptr);
    };
    session = std::make_unique<StreamSession>(std::move(deps), now);
  }

  void Options(const v1::AttributionOptions& options = {}) {
    auto request = std::make_shared<v1::StreamSignalsRequest>();
    *request->mutable_options() = options;
    Send(std::move(request));
  }
  void Episode(const v1::Episode& episode) {
    auto request = std::make_shared<v1::StreamSignalsRequest>();
    *request->mutable_episode() = episode;
    Send(std::move(request));
  }
  void Send(std::shared_ptr<const v1::StreamSignalsRequest> request) {
    session->OnRequest(std::move(request), now);
    Run();
  }
  void HalfClose() {
    session->OnHalfClose(now);
    Run();
  }
  void Pass(absl::Duration time) {
    now += time;
    session->OnTimer(now);
    Run();
  }
  void FinishEpisodes() {
    hold_episodes = false;
    std::vector<StartEpisode> held;
    held.swap(started);
    for (StartEpisode& start : held) Finish(start);
    Run();
  }
  void AllowWrites() {
    hold_writes = false;
    while (writing) {
      writing = false;
      session->OnWriteDone(now);
      Run();
    }
  }

  void Run() {
    for (std::vector<Action> actions = session->TakeActions(); !actions.empty();
         actions = session->TakeActions()) {
      for (Action& action : actions) Perform(action);
    }
  }

  std::vector<v1::StreamSignalsResponse> Take(v1::StreamSignalsResponse::MessageCase kind) {
    std::vector<v1::StreamSignalsResponse> taken;
    for (const auto& response : written) {
      if (response.message_case() == kind) taken.push_back(response);
    }
    return taken;
  }
  std::vector<v1::StreamSignalsResponse> results() {
    return Take(v1::StreamSignalsResponse::kResult);
  }

  absl::Time now = kStart;
  void FinishGroups() {
    hold_groups = false;
    std::vector<StartGroup> held;
    held.swap(started_groups);
    for (StartGroup& start : held) Finish(start);
    Run();
  }

  bool hold_episodes = false;
  bool hold_groups = false;
  bool hold_writes = false;
  bool writing = false;
  std::unique_ptr<StreamSession> session;
  std::vector<v1::StreamSignalsResponse> written;
  std::vector<bool> more;  // of each that was written
  std::vector<StartEpisode> started;
  std::vector<StartGroup> started_groups;
  std::vector<Ticket> cancelled;
  std::vector<evaluation::CallerRequest> asked;
  std::optional<absl::Status> finished;
  Admission& admission() { return admission_; }

 private:
  class Sink final : public evaluation::CallerSink {
   public:
    explicit Sink(Driver* driver) : driver_(driver) {}
    void Ask(evaluation::CallerRequest request) override {
      driver_->asked.push_back(request);
      driver_->session->OnAsk(request, driver_->now);
    }

   private:
    Driver* const driver_;
  };

  void Finish(StartEpisode& start) {
    session->OnEpisodesDone(
        {{start.ticket, Response(MakeResult(start.work, Attribute(start.work)))}}, now);
  }
  void Finish(StartGroup& start) {
    auto response = std::make_shared<v1::StreamSignalsResponse>();
    MakeResult(start.work, Recombine(start.work), response->mutable_group());
    session->OnGroupDone({start.ticket, std::move(response)}, now);
  }
  void Perform(Action& action) {
    if (finished.has_value()) ADD_FAILURE() << "an action after the last";
    if (auto* start = std::get_if<StartEpisode>(&action)) {
      if (hold_episodes || start->work.evaluator->local() == nullptr) {
        started.push_back(std::move(*start));
      } else {
        Finish(*start);
      }
    } else if (auto* group = std::get_if<StartGroup>(&action)) {
      if (hold_groups || (group->work.asks() && group->work.evaluator->local() == nullptr)) {
        started_groups.push_back(std::move(*group));
      } else {
        Finish(*group);
      }
    } else if (auto* cancel_group = std::get_if<CancelGroup>(&action)) {
      cancelled.push_back(cancel_group->ticket);
    } else if (auto* write = std::get_if<WriteResponse>(&action)) {
      EXPECT_FALSE(writing) << "two writes at once";
      written.push_back(*write->response);
      more.push_back(write->more);
      writing = hold_writes;
      if (!hold_writes) session->OnWriteDone(now);
    } else if (auto* cancel = std::get_if<CancelEpisode>(&action)) {
      cancelled.push_back(cancel->ticket);
    } else if (auto* close = std::get_if<CloseCaller>(&action)) {
      close->caller->Close(close->status);
    } else if (auto* deliver = std::get_if<DeliverAnswers>(&action)) {
      if (deliver->caller->OnAnswers(deliver->evaluation_id, deliver->answers) ==
          evaluation::AnswerFate::kUnknown) {
        session->OnUnknownEvaluation();
      }
    } else if (auto* finish = std::get_if<FinishStream>(&action)) {
      finished = finish->status;
    }
  }

  const SessionConfig config_;
  const Catalog catalog_;
  Admission admission_;
};

inline v1::Episode InGroup(const std::string& id, int size) {
  v1::Episode episode = SmallEpisode(id, 1);
  episode.mutable_group()->set_id("g");
  episode.mutable_group()->set_size(size);
  return episode;
}

}  // namespace assay::service

#endif  // ASSAY_TESTS_UNIT_SESSION_SESSION_DRIVER_H_
