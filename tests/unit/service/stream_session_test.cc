// The stream's state machine under a hand-moved clock.
#include "server/service/stream_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/service/episodes.h"

namespace assay::service {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1'000'000);

std::shared_ptr<v1::StreamSignalsResponse> Response(v1::EpisodeResult result) {
  auto response = std::make_shared<v1::StreamSignalsResponse>();
  *response->mutable_result() = std::move(result);
  return response;
}

// Performs actions at once, or holds them where the test says so.
class Driver {
 public:
  explicit Driver(const SessionConfig& config = {}) : config_(config), admission_({1000, 1 << 30}) {
    StreamSession::Deps deps;
    deps.config = &config_;
    deps.catalog = &catalog_;
    deps.admission = &admission_;
    deps.observer = nullptr;
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
  bool hold_episodes = false;
  bool hold_writes = false;
  bool writing = false;
  std::unique_ptr<StreamSession> session;
  std::vector<v1::StreamSignalsResponse> written;
  std::vector<bool> more;  // of each that was written
  std::vector<StartEpisode> started;
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
  void Perform(Action& action) {
    if (finished.has_value()) ADD_FAILURE() << "an action after the last";
    if (auto* start = std::get_if<StartEpisode>(&action)) {
      if (hold_episodes || start->work.evaluator->local() == nullptr) {
        started.push_back(std::move(*start));
      } else {
        Finish(*start);
      }
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

v1::Episode InGroup(const std::string& id, int size) {
  v1::Episode episode = SmallEpisode(id, 1);
  episode.mutable_group()->set_id("g");
  episode.mutable_group()->set_size(size);
  return episode;
}

TEST(StreamSession, ExactlyOneResultForEachEpisode) {
  Driver driver;
  driver.Options();
  for (int i = 0; i < 300; ++i) driver.Episode(SmallEpisode(absl::StrCat("e", i), i % 2));
  driver.HalfClose();
  EXPECT_EQ(driver.results().size(), 300u);
  ASSERT_TRUE(driver.finished.has_value());
  EXPECT_TRUE(driver.finished->ok());
  EXPECT_EQ(driver.admission().episodes(), 0);
}

// All but the last may wait in the transport; the last must not, or nobody would send it.
TEST(StreamSession, ResultsHandedInTogetherAreWrittenTogether) {
  Driver driver;
  driver.hold_episodes = true;
  driver.Options();
  for (const char* id : {"a", "b", "c"}) driver.Episode(SmallEpisode(id, 1));
  driver.more.clear();
  std::vector<EpisodeOutcome> outcomes;
  for (const StartEpisode& start : driver.started) {
    outcomes.push_back({start.ticket, Response(MakeResult(start.work, Attribute(start.work)))});
  }
  driver.session->OnEpisodesDone(std::move(outcomes), driver.now);
  driver.Run();
  EXPECT_EQ(driver.results().size(), 3u);
  EXPECT_EQ(driver.more, (std::vector<bool>{true, true, false}));
}

TEST(StreamSession, CreditsComeBackWithTheResult) {
  SessionConfig config;
  config.max_episodes_in_flight = 2;
  Driver driver(config);
  driver.hold_episodes = true;
  driver.Options();
  driver.Episode(SmallEpisode("a", 1));
  driver.Episode(SmallEpisode("b", 1));
  driver.Episode(SmallEpisode("c", 1));
  ASSERT_EQ(driver.results().size(), 1u);
  EXPECT_EQ(driver.results()[0].result().episode_id(), "c");
  EXPECT_EQ(driver.results()[0].result().error().code(),
            static_cast<int>(absl::StatusCode::kResourceExhausted));
  driver.FinishEpisodes();
  driver.Episode(SmallEpisode("c", 1));
  EXPECT_EQ(driver.results().size(), 4u);
  EXPECT_TRUE(driver.results()[3].result().has_signals());
}

TEST(StreamSession, BytesAreCreditsToo) {
  SessionConfig config;
  config.limits.max_episode_bytes = 1000;
  config.max_bytes_in_flight = 1500;
  Driver driver(config);
  driver.hold_episodes = true;
  driver.Options();
  v1::Episode episode = SmallEpisode("a", 1);
  episode.mutable_messages(0)->set_content(std::string(800, 'x'));
  driver.Episode(episode);
  episode.set_id("b");
  driver.Episode(episode);
  ASSERT_EQ(driver.results().size(), 1u);
  EXPECT_TRUE(driver.results()[0].result().error().has_retry_after());
  // One that can never fit is told so and takes nothing from the others.
  episode.mutable_messages(0)->set_content(std::string(2000, 'x'));
  episode.set_id("c");
  driver.Episode(episode);
  EXPECT_EQ(driver.results()[1].result().error().code(),
            static_cast<int>(absl::StatusCode::kOutOfRange));
}

TEST(StreamSession, UnreadRejectionsEndTheStream) {
  SessionConfig config;
  config.max_episodes_in_flight = 3;
  Driver driver(config);
  driver.Options();
  driver.hold_episodes = true;
  driver.hold_writes = true;
  for (int i = 0; i < 3; ++i) driver.Episode(SmallEpisode(absl::StrCat("in", i), 1));
  for (int i = 0; i < 4; ++i) driver.Episode(SmallEpisode(absl::StrCat("over", i), 1));
  EXPECT_FALSE(driver.finished.has_value()) << "one rejection is being written, three wait";
  driver.Episode(SmallEpisode("last", 1));
  ASSERT_TRUE(driver.finished.has_value());
  EXPECT_EQ(driver.finished->code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(driver.cancelled.size(), 3u);
}

TEST(StreamSession, AStalledWriteEndsTheStream) {
  Driver driver;
  driver.hold_writes = true;
  driver.Options();
  driver.Pass(absl::Seconds(29));
  EXPECT_FALSE(driver.finished.has_value());
  EXPECT_EQ(driver.session->wake_at(), kStart + absl::Seconds(30));
  driver.Pass(absl::Seconds(1));
  ASSERT_TRUE(driver.finished.has_value());
  EXPECT_EQ(driver.finished->code(), absl::StatusCode::kResourceExhausted);
}

TEST(StreamSession, NothingIsStartedWhileResultsPileUp) {
  SessionConfig config;
  config.limits.max_episode_bytes = 4000;
  config.max_bytes_in_flight = 4000;
  Driver driver(config);
  driver.Options();
  driver.hold_writes = true;
  driver.hold_episodes = true;
  driver.Episode(SmallEpisode("a", 1, 40));
  driver.Episode(SmallEpisode("b", 1, 40));
  driver.Episode(SmallEpisode("c", 1));
  driver.FinishEpisodes();  // a's result is being written; b's waits
  driver.hold_episodes = true;
  driver.Episode(SmallEpisode("d", 1, 40));
  driver.FinishEpisodes();
  driver.Episode(SmallEpisode("e", 1));
  EXPECT_TRUE(driver.started.empty());
  EXPECT_TRUE(driver.results().size() <= 1);
  driver.AllowWrites();
  EXPECT_EQ(driver.results().size(), 5u);
}

TEST(StreamSession, AnEpisodeTimesOutBeforeItIsStarted) {
  SessionConfig config;
  config.max_started = 1;
  Driver driver(config);
  v1::AttributionOptions options;
  options.mutable_episode_timeout()->set_seconds(5);
  driver.Options(options);
  driver.hold_episodes = true;
  driver.Episode(SmallEpisode("runs", 1));
  driver.Episode(SmallEpisode("waits", 1));
  EXPECT_EQ(driver.session->wake_at(), kStart + absl::Seconds(5));
  driver.Pass(absl::Seconds(5));
  ASSERT_EQ(driver.results().size(), 1u);
  EXPECT_EQ(driver.results()[0].result().episode_id(), "waits");
  EXPECT_EQ(driver.results()[0].result().error().code(),
            static_cast<int>(absl::StatusCode::kDeadlineExceeded));
}

TEST(StreamSession, StreamsShareTheEngine) {
  SessionConfig config;
  config.max_started = 4;
  Driver driver(config);
  driver.Options();
  driver.hold_episodes = true;
  for (int i = 0; i < 20; ++i) driver.Episode(SmallEpisode(absl::StrCat("e", i), 1));
  EXPECT_EQ(driver.started.size(), 4u);
  driver.FinishEpisodes();
  EXPECT_EQ(driver.results().size(), 20u);
}

TEST(StreamSession, GroupsComeAfterTheirEpisodes) {
  Driver driver;
  driver.Options();
  driver.Episode(InGroup("x", 2));
  driver.Episode(InGroup("y", 2));
  ASSERT_EQ(driver.written.size(), 4u);
  EXPECT_TRUE(driver.written[3].has_group());
}

TEST(StreamSession, HalfCloseAnswersIncompleteGroups) {
  Driver driver;
  driver.Options();
  driver.hold_episodes = true;
  driver.Episode(InGroup("x", 5));
  driver.Episode(InGroup("y", 5));
  driver.HalfClose();
  EXPECT_TRUE(driver.Take(v1::StreamSignalsResponse::kGroup).empty());
  driver.FinishEpisodes();
  const auto groups = driver.Take(v1::StreamSignalsResponse::kGroup);
  ASSERT_EQ(groups.size(), 1u);
  EXPECT_EQ(groups[0].group().signals().never_sent(), 3);
  EXPECT_TRUE(driver.finished.has_value());
}

TEST(StreamSession, ADrainedStreamLeavesIncompleteGroupsToTheNext) {
  Driver driver;
  driver.Options();
  driver.Episode(InGroup("x", 2));
  driver.session->OnDrain("draining", absl::Seconds(20), driver.now);
  driver.Run();
  ASSERT_EQ(driver.Take(v1::StreamSignalsResponse::kGoAway).size(), 1u);
  driver.HalfClose();
  EXPECT_TRUE(driver.Take(v1::StreamSignalsResponse::kGroup).empty());
  ASSERT_TRUE(driver.finished.has_value());
  EXPECT_TRUE(driver.finished->ok());
}

TEST(StreamSession, ADrainedStreamEndsWhenItIsQuiet) {
  Driver driver;
  driver.Options();
  driver.hold_episodes = true;
  driver.Episode(SmallEpisode("x", 1));
  driver.session->OnDrain("draining", absl::Seconds(20), driver.now);
  driver.Run();
  driver.Pass(absl::Seconds(5));
  EXPECT_FALSE(driver.finished.has_value()) << "x is in flight";
  driver.FinishEpisodes();
  driver.Pass(absl::Seconds(1));
  ASSERT_TRUE(driver.finished.has_value());
  EXPECT_EQ(driver.finished->code(), absl::StatusCode::kUnavailable);
}

TEST(StreamSession, GraceEndsWhatIsLeft) {
  Driver driver;
  driver.Options();
  driver.hold_episodes = true;
  driver.Episode(SmallEpisode("x", 1));
  driver.session->OnDrain("draining", absl::Seconds(20), driver.now);
  driver.Run();
  driver.Pass(absl::Seconds(20));
  ASSERT_TRUE(driver.finished.has_value());
  EXPECT_EQ(driver.finished->code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(driver.cancelled.size(), 1u);
  // Its memory counts until the engine has let it go.
  EXPECT_EQ(driver.admission().episodes(), 1);
  driver.session->OnEpisodesDone(
      {{driver.started[0].ticket, Response(MakeError("x", absl::CancelledError()))}}, driver.now);
  EXPECT_EQ(driver.admission().episodes(), 0);
}

TEST(StreamSession, AnOldStreamGoesAway) {
  SessionConfig config;
  config.max_age = absl::Hours(1);
  Driver driver(config);
  driver.Options();
  EXPECT_EQ(driver.session->wake_at(), kStart + absl::Hours(1));
  driver.Pass(absl::Hours(1));
  const auto go_away = driver.Take(v1::StreamSignalsResponse::kGoAway);
  ASSERT_EQ(go_away.size(), 1u);
  EXPECT_EQ(go_away[0].go_away().reason(), "max stream age");
}

TEST(StreamSession, OptionsMustArrive) {
  Driver driver;
  driver.Pass(absl::Seconds(60));
  ASSERT_TRUE(driver.finished.has_value());
  EXPECT_EQ(driver.finished->code(), absl::StatusCode::kDeadlineExceeded);
}

TEST(StreamSession, GroupTimeoutSendsTheGroup) {
  Driver driver;
  v1::AttributionOptions options;
  options.mutable_group_timeout()->set_seconds(3);
  driver.Options(options);
  driver.Episode(InGroup("x", 3));
  driver.Episode(InGroup("y", 3));
  EXPECT_EQ(driver.session->wake_at(), kStart + absl::Seconds(3));
  driver.Pass(absl::Seconds(3));
  EXPECT_EQ(driver.Take(v1::StreamSignalsResponse::kGroup).size(), 1u);
}

TEST(StreamSession, AServerThatIsFullSaysWhenToComeBackAndCountsNothingMissing) {
  Driver driver;
  ASSERT_EQ(driver.admission().Enter({1000, 1}), Admission::Entry::kEntered);
  driver.Options();
  driver.Episode(InGroup("x", 2));
  ASSERT_EQ(driver.results().size(), 1u);
  EXPECT_TRUE(driver.results()[0].result().error().has_retry_after());
  driver.admission().Leave({1000, 1});
  driver.Episode(InGroup("x", 2));
  driver.Episode(InGroup("y", 2));
  const auto groups = driver.Take(v1::StreamSignalsResponse::kGroup);
  ASSERT_EQ(groups.size(), 1u);
  EXPECT_EQ(groups[0].group().signals().used(), 2);
}

// What waits to be read counts for as long as it waits.
TEST(StreamSession, UnreadResponsesAndOpenGroupsCountInAdmission) {
  Driver driver;
  driver.hold_writes = true;
  driver.Options();
  driver.Episode(InGroup("a", 2));
  driver.Episode(SmallEpisode("b", 1));
  EXPECT_EQ(driver.admission().episodes(), 0);
  int64_t responses = 0;
  const int64_t unread = driver.admission().bytes();
  driver.AllowWrites();
  for (const auto& response : driver.written) {
    responses += static_cast<int64_t>(response.ByteSizeLong());
  }
  // What is left is kept for the group.
  const int64_t group = driver.admission().bytes();
  EXPECT_GT(group, 0);
  EXPECT_EQ(unread - group, responses);
  driver.Episode(InGroup("c", 2));
  EXPECT_EQ(driver.admission().bytes(), 0);
}

TEST(StreamSession, AStreamLeavesRoomForOneMore) {
  Driver driver;
  driver.hold_episodes = true;
  driver.Options();
  ASSERT_EQ(driver.admission().Enter({999, 1}), Admission::Entry::kEntered);
  driver.Episode(SmallEpisode("a", 1));
  EXPECT_TRUE(driver.results().empty());
  driver.admission().Leave({1, 0});
  driver.Episode(SmallEpisode("b", 1));
  ASSERT_EQ(driver.results().size(), 1u);
  EXPECT_TRUE(driver.results()[0].result().error().has_retry_after());
  EXPECT_EQ(driver.admission().Enter({1, 1}), Admission::Entry::kEntered);
  driver.admission().Leave({999, 2});
}

TEST(StreamSession, ACancelledStreamCancelsWhatRuns) {
  Driver driver;
  driver.Options();
  driver.hold_episodes = true;
  driver.Episode(SmallEpisode("w", 1));
  driver.Episode(SmallEpisode("x", 1));
  driver.session->OnCancel();
  driver.Run();
  ASSERT_EQ(driver.cancelled.size(), 2u);
  EXPECT_GT(driver.cancelled[0], driver.cancelled[1]) << "the newest first";
  EXPECT_EQ(driver.finished->code(), absl::StatusCode::kCancelled);
  driver.Episode(SmallEpisode("y", 1));
  EXPECT_EQ(driver.written.size(), 1u) << "nothing happens after the end";
}

TEST(StreamSession, QuestionsOfACallerGoDownTheStream) {
  Driver driver;
  v1::AttributionOptions options;
  options.mutable_caller()->set_batch_size(2);
  driver.Options(options);
  driver.Episode(SmallEpisode("x", 1));
  ASSERT_EQ(driver.started.size(), 1u);
  const StartEpisode& start = driver.started[0];
  signals::Attribution plan(start.work.context->episode, *start.work.options->options,
                            start.work.evaluator->traits());
  absl::StatusOr<evaluation::Answers> answers = absl::UnknownError("not answered");
  start.work.evaluator->Evaluate({start.work.context, plan.ask()},
                                 [&](absl::StatusOr<evaluation::Answers> a) { answers = a; });
  driver.Run();
  EXPECT_EQ(driver.Take(v1::StreamSignalsResponse::kEvaluate).size(), 2u);
  for (size_t i = 0; i < driver.asked.size(); ++i) {
    auto request = std::make_shared<v1::StreamSignalsRequest>();
    auto* evaluation = request->mutable_evaluation();
    evaluation->set_evaluation_id(driver.asked[i].evaluation_id);
    for (size_t q = 0; q < driver.asked[i].questions.size(); ++q) {
      evaluation->mutable_answers()->add_answers()->set_mean(0.5);
    }
    driver.Send(request);
    driver.Send(request);  // again: ignored
  }
  ASSERT_TRUE(answers.ok()) << answers.status();
  EXPECT_EQ(answers->size(), 4u);
  EXPECT_FALSE(driver.finished.has_value());
  auto unknown = std::make_shared<v1::StreamSignalsRequest>();
  unknown->mutable_evaluation()->set_evaluation_id("99");
  driver.Send(unknown);
  EXPECT_EQ(driver.finished->code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace assay::service
