#include "server/session/stream_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/session/session_driver.h"

namespace assay::service {
namespace {

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

TEST(StreamSession, CreditsAreCountedToTheByte) {
  v1::Episode episode = SmallEpisode("a", 1);
  const auto bytes = static_cast<int64_t>(episode.ByteSizeLong());
  const auto accepted = [&](int64_t max_episode_bytes, int64_t max_bytes_in_flight) {
    SessionConfig config;
    config.limits.max_episode_bytes = max_episode_bytes;
    config.max_bytes_in_flight = max_bytes_in_flight;
    Driver driver(config);
    driver.hold_episodes = true;
    driver.Options();
    for (const char* id : {"a", "b", "c"}) {
      episode.set_id(id);
      driver.Episode(episode);
    }
    const size_t first = driver.started.size();
    driver.FinishEpisodes();
    driver.hold_episodes = true;
    for (const char* id : {"d", "e", "f"}) {
      episode.set_id(id);
      driver.Episode(episode);
    }
    EXPECT_EQ(driver.started.size(), first) << "what is answered gives its credit back";
    return first;
  };
  EXPECT_EQ(accepted(1 << 20, 3 * bytes), 3u);
  EXPECT_EQ(accepted(1 << 20, 3 * bytes - 1), 2u);
  EXPECT_EQ(accepted(1 << 20, 2 * bytes), 2u);
  EXPECT_EQ(accepted(bytes, 2 * bytes), 2u) << "the largest episode takes its credit, too";
  EXPECT_EQ(accepted(bytes - 1, 2 * bytes), 0u);
}

// Each has five seconds.
void RunOneAndLetOneWait(Driver& driver) {
  v1::AttributionOptions options;
  options.mutable_episode_timeout()->set_seconds(5);
  driver.Options(options);
  driver.hold_episodes = true;
  driver.Episode(SmallEpisode("runs", 1));
  driver.Episode(SmallEpisode("waits", 1));
}

TEST(StreamSession, WhatWaitedHasLessTimeLeft) {
  SessionConfig config;
  config.max_started = 1;
  Driver driver(config);
  RunOneAndLetOneWait(driver);
  ASSERT_EQ(driver.started.size(), 1u);
  EXPECT_EQ(driver.started[0].timeout, absl::Seconds(5));
  driver.now += absl::Seconds(2);
  driver.session->OnEpisodesDone(
      {{driver.started[0].ticket, Response(MakeError("runs", absl::AbortedError("x")))}},
      driver.now);
  driver.Run();
  ASSERT_EQ(driver.started.size(), 2u);
  EXPECT_EQ(driver.started[1].timeout, absl::Seconds(3));
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

TEST(StreamSession, AsManyBytesMayPileUpAsMayBeInFlight) {
  const v1::Episode large = SmallEpisode("a", 1, 40);
  const auto starts_another = [&](int64_t max_bytes_in_flight) {
    SessionConfig config;
    config.max_bytes_in_flight = max_bytes_in_flight;
    Driver driver(config);
    driver.hold_writes = true;  // the first response is being written, and the next one waits
    driver.Options();
    driver.Episode(large);
    driver.hold_episodes = true;
    driver.Episode(SmallEpisode("b", 1));
    const bool started = driver.started.size() == 1;
    driver.AllowWrites();
    EXPECT_EQ(driver.started.size(), 1u);
    return std::pair(started, static_cast<int64_t>(driver.written.at(1).ByteSizeLong()));
  };
  const int64_t bytes = starts_another(1 << 20).second;
  ASSERT_GT(bytes, static_cast<int64_t>(2 * large.ByteSizeLong()));
  EXPECT_TRUE(starts_another(bytes).first);
  EXPECT_FALSE(starts_another(bytes - 1).first);
}

TEST(StreamSession, AnEpisodeTimesOutBeforeItIsStarted) {
  SessionConfig config;
  config.max_started = 1;
  Driver driver(config);
  RunOneAndLetOneWait(driver);
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

TEST(StreamSession, OptionsMustArrive) {
  Driver driver;
  EXPECT_EQ(driver.session->wake_at(), kStart + absl::Seconds(60));
  driver.Pass(absl::Seconds(60) - absl::Nanoseconds(1));
  EXPECT_FALSE(driver.finished.has_value());
  driver.Pass(absl::Nanoseconds(1));
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
  start.work.evaluator->Evaluate(
      {start.work.context, plan.ask()},
      [&](absl::StatusOr<evaluation::Answers> a) { answers = std::move(a); });
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
