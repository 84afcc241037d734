// How a stream ends: half closed, drained, cancelled, too old, or unread.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/session/stream_session.h"
#include "tests/unit/session/session_driver.h"

namespace assay::service {
namespace {

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

TEST(StreamSession, NothingIsHeldAfterTheEnd) {
  for (const bool cancel : {false, true}) {
    Driver driver;
    driver.Options();
    driver.hold_writes = true;
    for (const char* id : {"a", "b", "c"}) driver.Episode(SmallEpisode(id, 1));
    EXPECT_GT(driver.admission().bytes(), 0);
    if (cancel) {
      driver.session->OnCancel();
      driver.Run();
      EXPECT_EQ(driver.admission().bytes(), 0);
      driver.session->OnWriteDone(driver.now);
    } else {
      driver.AllowWrites();
    }
    EXPECT_EQ(driver.admission().bytes(), 0);
    driver.session->OnCancel();
    EXPECT_EQ(driver.admission().bytes(), 0);
    EXPECT_EQ(driver.admission().episodes(), 0);
  }
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
  EXPECT_EQ(driver.session->wake_at(), kStart + absl::Seconds(20));
  driver.Pass(absl::Seconds(5));
  EXPECT_FALSE(driver.finished.has_value()) << "x is in flight";
  driver.FinishEpisodes();
  EXPECT_EQ(driver.session->wake_at(), kStart + absl::Seconds(6));
  driver.Pass(absl::Seconds(1) - absl::Nanoseconds(1));
  EXPECT_FALSE(driver.finished.has_value()) << "not for long yet";
  driver.Pass(absl::Nanoseconds(1));
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

// Only what the engine has is cancelled there, and only once.
TEST(StreamSession, ACancelledStreamLeavesAloneWhatWaitsOrIsAnswered) {
  SessionConfig config;
  config.max_started = 2;
  Driver driver(config);
  driver.Options();
  driver.hold_writes = true;
  driver.Episode(SmallEpisode("answered", 1));
  driver.Episode(SmallEpisode("answered too", 1));
  driver.hold_episodes = true;
  for (const char* id : {"runs", "runs too", "waits"}) driver.Episode(SmallEpisode(id, 1));
  ASSERT_EQ(driver.started.size(), 2u);
  const std::vector<Ticket> running = {driver.started[1].ticket, driver.started[0].ticket};
  driver.session->OnCancel();
  driver.Run();
  EXPECT_EQ(driver.cancelled, running);
  EXPECT_EQ(driver.admission().episodes(), 2) << "until the engine has let them go";
  driver.FinishEpisodes();
  EXPECT_EQ(driver.admission().episodes(), 0);
  EXPECT_EQ(driver.admission().bytes(), 0);
}

TEST(StreamSession, AHalfCloseCountsOnce) {
  Driver driver;
  v1::AttributionOptions options;
  options.mutable_caller();
  driver.Options(options);
  driver.Episode(SmallEpisode("x", 1));
  driver.session->OnHalfClose(driver.now);
  EXPECT_FALSE(driver.session->TakeActions().empty());
  driver.session->OnHalfClose(driver.now);
  EXPECT_TRUE(driver.session->TakeActions().empty());
  driver.session->OnCancel();
  EXPECT_FALSE(driver.session->TakeActions().empty());
  driver.session->OnHalfClose(driver.now);
  EXPECT_TRUE(driver.session->TakeActions().empty());

  Driver over;
  over.Options(options);
  over.session->OnCancel();
  over.Run();
  over.session->OnHalfClose(over.now);
  EXPECT_TRUE(over.session->TakeActions().empty()) << "nothing happens after the end";
}

}  // namespace
}  // namespace assay::service
