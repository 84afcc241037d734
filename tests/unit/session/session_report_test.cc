// What a stream tells its observer, and its summary.
#include <gmock/gmock.h>

#include "tests/unit/session/session_driver.h"

namespace assay::service {
namespace {

using ::testing::ElementsAre;

struct Told {
  bool ok;
  double range;
  absl::Duration elapsed;
  uint64_t stream;
  std::string trace;
};

class Recorder final : public SessionObserver {
 public:
  void OnEpisode(const v1::EpisodeResult& result, double range, absl::Duration elapsed,
                 const Origin& origin) override {
    episodes.push_back(
        {result.has_signals(), range, elapsed, origin.stream, std::string(origin.trace_id)});
  }
  void OnRejected(RejectReason reason) override { rejected.push_back(reason); }
  std::vector<Told> episodes;
  std::vector<RejectReason> rejected;
};

TEST(SessionReport, EpisodesWithTheirRangeTimeAndOrigin) {
  Recorder recorder;
  Driver driver({}, &recorder);
  v1::AttributionOptions options;
  options.mutable_value_range()->set_low(-1);
  options.mutable_value_range()->set_high(3);
  driver.Options(options);
  driver.hold_episodes = true;
  driver.Episode(SmallEpisode("x", 1));
  driver.Episode(SmallEpisode("", 1));
  driver.now += absl::Seconds(2);
  driver.FinishEpisodes();
  ASSERT_EQ(recorder.episodes.size(), 2u);
  const Told& failed = recorder.episodes[0];
  EXPECT_FALSE(failed.ok);
  EXPECT_EQ(failed.elapsed, absl::ZeroDuration());
  const Told& answered = recorder.episodes[1];
  EXPECT_TRUE(answered.ok);
  EXPECT_EQ(answered.elapsed, absl::Seconds(2));
  for (const Told& told : recorder.episodes) {
    EXPECT_EQ(told.range, 4);
    EXPECT_EQ(told.stream, 7u);
    EXPECT_EQ(told.trace, "trace");
  }
  EXPECT_EQ(driver.results()[1].result().elapsed().seconds(), 2);
  EXPECT_TRUE(recorder.rejected.empty());
  const StreamSummary summary = driver.session->Summary(driver.now + absl::Seconds(1));
  EXPECT_EQ(summary.stream, 7u);
  EXPECT_EQ(summary.trace_id, "trace");
  EXPECT_EQ(summary.elapsed, absl::Seconds(3));
  EXPECT_EQ(summary.episodes, 2);
  EXPECT_EQ(summary.answered, 1);
  EXPECT_EQ(summary.failed, 1);
  EXPECT_EQ(summary.groups, 0);
  EXPECT_EQ(summary.questions, 0);
}

TEST(SessionReport, GroupsAndQuestionsAreCounted) {
  Driver driver;
  driver.Options();
  driver.Episode(InGroup("x", 2));
  driver.Episode(InGroup("y", 2));
  EXPECT_EQ(driver.session->Summary(driver.now).groups, 1);

  Driver asks;
  v1::AttributionOptions options;
  options.mutable_caller()->set_batch_size(3);
  asks.Options(options);
  asks.Episode(SmallEpisode("x", 1));
  const StartEpisode& start = asks.started.at(0);
  signals::Attribution plan(start.work.context->episode, *start.work.options->options,
                            start.work.evaluator->traits());
  start.work.evaluator->Evaluate({start.work.context, plan.ask()},
                                 [](const absl::StatusOr<evaluation::Answers>&) {});
  asks.Run();
  EXPECT_EQ(asks.session->Summary(asks.now).questions, 4);
  asks.session->OnCancel();  // the questions are over with the stream
  asks.Run();
}

TEST(SessionReport, RejectionsWithTheirReason) {
  Recorder recorder;
  SessionConfig config;
  config.max_episodes_in_flight = 2;
  Driver driver(config, &recorder);
  driver.Options();
  driver.hold_episodes = driver.hold_writes = true;
  for (const char* id : {"x", "y", "one too many"}) driver.Episode(SmallEpisode(id, 1));
  EXPECT_THAT(recorder.rejected, ElementsAre(RejectReason::kCredits));
  ASSERT_EQ(recorder.episodes.size(), 1u);
  EXPECT_FALSE(recorder.episodes[0].ok);
  EXPECT_EQ(recorder.episodes[0].elapsed, absl::ZeroDuration());
  EXPECT_EQ(driver.session->Summary(driver.now).failed, 1);
  // That rejection is being written. Two may be unread.
  for (const char* id : {"4", "5"}) driver.Episode(SmallEpisode(id, 1));
  EXPECT_FALSE(driver.finished.has_value());
  driver.Episode(SmallEpisode("6", 1));
  EXPECT_TRUE(driver.finished.has_value());
  EXPECT_THAT(recorder.rejected,
              ElementsAre(RejectReason::kCredits, RejectReason::kCredits, RejectReason::kCredits,
                          RejectReason::kCredits, RejectReason::kClientDoesNotRead));
}

TEST(SessionReport, FullGroupsAndServers) {
  Recorder recorder;
  SessionConfig config;
  config.limits.max_open_groups = 1;
  Driver driver(config, &recorder);
  driver.Options();
  driver.Episode(InGroup("x", 2));
  v1::Episode other = InGroup("y", 2);
  other.mutable_group()->set_id("another");
  driver.Episode(other);
  EXPECT_THAT(recorder.rejected, ElementsAre(RejectReason::kGroups));
  recorder.rejected.clear();
  driver.admission().Grow({1000, 0});
  driver.Episode(SmallEpisode("z", 1));
  EXPECT_THAT(recorder.rejected, ElementsAre(RejectReason::kServer));
  driver.admission().Leave({1000, 0});
}

TEST(SessionReport, AStalledWrite) {
  Recorder recorder;
  Driver driver({}, &recorder);
  driver.hold_writes = true;
  driver.Options();
  driver.Pass(absl::Seconds(30) - absl::Nanoseconds(1));
  EXPECT_FALSE(driver.finished.has_value());
  EXPECT_EQ(driver.session->wake_at(), kStart + absl::Seconds(30));
  driver.Pass(absl::Nanoseconds(1));
  EXPECT_TRUE(driver.finished.has_value());
  EXPECT_THAT(recorder.rejected, ElementsAre(RejectReason::kClientDoesNotRead));
  EXPECT_EQ(driver.session->wake_at(), absl::InfiniteFuture());
}

}  // namespace
}  // namespace assay::service
