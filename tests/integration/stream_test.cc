// The stream's rules over a real connection (api.md, "The stream").
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/integration/harness.h"

namespace assay::testing {
namespace {

// Answers the questions of a batch: v(S) = 1 iff the second agent takes part.
v1::StreamSignalsRequest SecondAgentCounts(const v1::EvaluateRequest& batch) {
  v1::StreamSignalsRequest request;
  request.mutable_evaluation()->set_evaluation_id(batch.evaluation_id());
  for (const v1::Question& question : batch.questions()) {
    const auto& agents = question.counterfactual().coalition().agents();
    const bool second = std::find(agents.begin(), agents.end(), 1) != agents.end();
    request.mutable_evaluation()->mutable_answers()->add_answers()->set_mean(second ? 1 : 0);
  }
  return request;
}

TEST(Stream, ReadyEchoesOptionsLimitsAndCredits) {
  TestServer server(LocalConfig());
  auto stub = server.Stub();
  TestStream stream(stub.get());
  v1::AttributionOptions options;
  options.mutable_value_range()->set_high(10);
  stream.SendOptions(options);
  const v1::StreamReady ready = stream.Next().ready();
  EXPECT_EQ(ready.options().success_threshold(), 5);
  EXPECT_EQ(ready.options().reward_bound(), 20);
  EXPECT_EQ(ready.options().reference_score(), 10);
  EXPECT_EQ(ready.options().audit(), v1::AUDIT_LEDGER);
  EXPECT_EQ(ready.options().max_response_bytes(), 4 << 20);
  EXPECT_EQ(ready.options().evaluator_case(), v1::AttributionOptions::EVALUATOR_NOT_SET);
  EXPECT_EQ(ready.limits().max_agents(), 64);
  EXPECT_EQ(ready.limits().max_messages(), 65536);
  EXPECT_GT(ready.max_episodes_in_flight(), 0);
  EXPECT_GE(ready.max_bytes_in_flight(), ready.limits().max_episode_bytes());
  stream.HalfClose();
  EXPECT_TRUE(stream.Finish().ok());
}

TEST(Stream, HalfCloseAnswersEverythingInFlight) {
  TestServer server(LocalConfig());
  auto stub = server.Stub();
  std::vector<v1::Episode> episodes;
  episodes.reserve(500);
  for (int i = 0; i < 500; ++i) episodes.push_back(Debate(absl::StrCat("e", i), 5, i));
  const StreamOutcome outcome = RunStream(stub.get(), {}, episodes);
  EXPECT_TRUE(outcome.status.ok()) << outcome.status.error_message();
  ASSERT_EQ(outcome.results.size(), episodes.size());
  for (const auto& [id, result] : outcome.results) {
    ASSERT_TRUE(result.has_signals()) << result.error().message();
    const v1::EpisodeSignals& signals = result.signals();
    EXPECT_LE(signals.conservation().error(), 1e-9);
    for (const v1::MessageSignal& message : signals.messages()) {
      EXPECT_LE(std::abs(message.reward()), 2);
    }
    EXPECT_EQ(signals.effort().evaluator(), "vote");
    EXPECT_EQ(signals.effort().ballots(), v1::BALLOTS_LAST);
  }
}

// Shows no. 9: a newcomer's first episode.
TEST(Stream, OutcomeAndMessagesAloneGiveRewards) {
  TestServer server(LocalConfig());
  auto stub = server.Stub();
  for (const double score : {0.0, 1.0}) {
    const StreamOutcome outcome = RunStream(stub.get(), {}, {Plain("first", score)});
    const v1::EpisodeResult& result = outcome.results.at("first");
    ASSERT_TRUE(result.has_signals()) << result.error().message();
    double sum = 0, largest = 0;
    for (const v1::MessageSignal& message : result.signals().messages()) {
      sum += message.reward();
      largest = std::max(largest, std::abs(message.reward()));
    }
    EXPECT_NEAR(sum, score == 1 ? 1 : -1, 1e-9);
    EXPECT_GT(largest, 0);
    EXPECT_EQ(result.signals().effort().evaluator(), "outcome");
    EXPECT_EQ(result.signals().effort().method(), v1::METHOD_UNSPECIFIED);
    EXPECT_NE(result.signals().evidence(), v1::EVIDENCE_UNSPECIFIED);
    EXPECT_NE(result.signals().first_error().tier(), v1::EVIDENCE_TIER_UNSPECIFIED);
    EXPECT_FALSE(result.signals().first_error().has_first_index());
  }
}

TEST(Stream, CallerAnswersOnTheSameStream) {
  TestServer server(LocalConfig());
  auto stub = server.Stub();
  TestStream stream(stub.get());
  v1::AttributionOptions options;
  options.mutable_caller()->set_batch_size(3);
  stream.SendOptions(options);
  ASSERT_TRUE(stream.Next().has_ready());
  v1::Episode episode = Plain("e", 1);
  stream.SendEpisode(episode);
  while (true) {
    const v1::StreamSignalsResponse response = stream.Next();
    if (!response.has_evaluate()) {
      ASSERT_TRUE(response.has_result()) << response.ShortDebugString();
      const v1::EpisodeResult& result = response.result();
      ASSERT_TRUE(result.has_signals()) << result.error().message();
      EXPECT_NEAR(result.signals().agents(0).credit(), 0, 1e-12);
      EXPECT_NEAR(result.signals().agents(1).credit(), 1, 1e-12);
      EXPECT_EQ(result.signals().effort().questions(), 4);
      EXPECT_EQ(result.signals().effort().evaluator(), "caller");
      break;
    }
    EXPECT_EQ(response.evaluate().episode_id(), "e");
    EXPECT_LE(response.evaluate().questions_size(), 3);
    ASSERT_TRUE(stream.Send(SecondAgentCounts(response.evaluate())));
  }
  stream.HalfClose();
  EXPECT_TRUE(stream.Finish().ok());
}

TEST(Stream, HalfCloseFailsTheCallersUnansweredQuestions) {
  TestServer server(LocalConfig());
  auto stub = server.Stub();
  TestStream stream(stub.get());
  v1::AttributionOptions options;
  options.mutable_caller();
  stream.SendOptions(options);
  ASSERT_TRUE(stream.Next().has_ready());
  stream.SendEpisode(Plain("e", 1));
  ASSERT_TRUE(stream.Next().has_evaluate());
  stream.HalfClose();
  const v1::EpisodeResult result = stream.NextResult();
  EXPECT_EQ(result.error().code(), grpc::StatusCode::UNAVAILABLE) << result.ShortDebugString();
  EXPECT_TRUE(stream.Finish().ok());
}

TEST(Stream, BeyondCreditsIsRejectedWithRetryAfter) {
  runtime::Config config = LocalConfig();
  config.session.max_episodes_in_flight = 2;
  TestServer server(config);
  auto stub = server.Stub();
  TestStream stream(stub.get());
  v1::AttributionOptions options;
  options.mutable_caller();  // nothing is answered before we answer
  stream.SendOptions(options);
  EXPECT_EQ(stream.Next().ready().max_episodes_in_flight(), 2);
  for (int i = 0; i < 3; ++i) stream.SendEpisode(Plain(absl::StrCat("e", i), 1));
  for (;;) {
    const v1::StreamSignalsResponse response = stream.Next();
    if (response.has_evaluate()) continue;
    EXPECT_EQ(response.result().episode_id(), "e2");
    EXPECT_EQ(response.result().error().code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
    EXPECT_TRUE(response.result().error().has_retry_after());
    break;
  }
  stream.Cancel();
  EXPECT_EQ(stream.Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST(Stream, GroupFollowsItsLastEpisode) {
  TestServer server(LocalConfig());
  auto stub = server.Stub();
  std::vector<v1::Episode> episodes;
  for (int i = 0; i < 8; ++i) {
    episodes.push_back(Plain(absl::StrCat("e", i), i % 2));
    episodes.back().mutable_group()->set_id("task");
    episodes.back().mutable_group()->set_size(8);
  }
  episodes[3].mutable_messages(0)->set_process_score(7);  // rejected, counts as missing
  const StreamOutcome outcome = RunStream(stub.get(), {}, episodes);
  ASSERT_TRUE(outcome.status.ok());
  const v1::GroupSignals& group = outcome.groups.at("task").signals();
  EXPECT_EQ(group.used(), 7);
  EXPECT_THAT(group.missing_episode_ids(), ::testing::ElementsAre("e3"));
  EXPECT_EQ(group.never_sent(), 0);
  EXPECT_NEAR(group.mean_score(), 3.0 / 7, 1e-12);
}

// Of a group of six: one is rejected, one gets no answers to its questions, and one is never sent.
struct PartialGroup {
  std::map<std::string, int> errors;  // by the member's id
  v1::GroupSignals signals;
};
PartialGroup PlayPartialGroup(v1::SignalService::Stub* stub, int timeout_seconds) {
  PartialGroup played;
  TestStream stream(stub);
  v1::AttributionOptions options;
  options.mutable_caller();
  options.mutable_episode_timeout()->set_seconds(timeout_seconds);
  stream.SendOptions(options);
  EXPECT_TRUE(stream.Next().has_ready());
  for (const char* id : {"good0", "rejected", "timed_out", "good1", "good2"}) {
    v1::Episode episode = Plain(id, 1);
    episode.mutable_group()->set_id("task");
    episode.mutable_group()->set_size(6);
    if (episode.id() == "rejected") episode.mutable_messages(0)->set_process_score(7);
    stream.SendEpisode(episode);
  }
  for (int results = 0; results < 5 && !::testing::Test::HasFailure();) {
    const v1::StreamSignalsResponse response = stream.Next();
    if (response.has_evaluate()) {
      if (response.evaluate().episode_id() == "timed_out") continue;
      EXPECT_TRUE(stream.Send(SecondAgentCounts(response.evaluate())));
    } else {
      EXPECT_TRUE(response.has_result()) << response.ShortDebugString();
      ++results;
      if (!response.result().has_error()) continue;
      played.errors[response.result().episode_id()] = response.result().error().code();
    }
  }
  stream.HalfClose();
  const v1::StreamSignalsResponse last = stream.Next();
  EXPECT_TRUE(last.has_group()) << last.ShortDebugString();
  played.signals = last.group().signals();
  EXPECT_TRUE(stream.Finish().ok());
  return played;
}

TEST(Stream, GroupNamesItsRejectedTimedOutAndUnsentMembers) {
  TestServer server(LocalConfig());
  const auto stub = server.Stub();
  PartialGroup played;
  // On a busy machine those that are answered may be late, too.
  for (const int seconds : {3, 30, 300}) {
    played = PlayPartialGroup(stub.get(), seconds);
    if (played.errors.size() == 2) break;
  }
  EXPECT_THAT(
      played.errors,
      ::testing::ElementsAre(::testing::Pair("rejected", grpc::StatusCode::INVALID_ARGUMENT),
                             ::testing::Pair("timed_out", grpc::StatusCode::DEADLINE_EXCEEDED)));
  EXPECT_EQ(played.signals.used(), 3);
  EXPECT_THAT(played.signals.missing_episode_ids(),
              ::testing::UnorderedElementsAre("rejected", "timed_out"));
  EXPECT_EQ(played.signals.never_sent(), 1);
  EXPECT_EQ(played.signals.episodes_size(), 3);
}

TEST(Stream, DrainAnnouncesAnswersAndEnds) {
  TestServer server(LocalConfig());
  auto stub = server.Stub();
  TestStream stream(stub.get());
  stream.SendOptions({});
  ASSERT_TRUE(stream.Next().has_ready());
  stream.SendEpisode(Plain("before", 1));
  EXPECT_TRUE(stream.NextResult().has_signals());
  std::thread shutdown([&] { EXPECT_TRUE(server.server().Shutdown(kHangs)); });
  const v1::StreamSignalsResponse go_away = stream.Next();
  EXPECT_EQ(go_away.go_away().reason(), "draining");
  EXPECT_EQ(go_away.go_away().grace().seconds(), absl::ToInt64Seconds(kHangs));
  // What was on its way when the go_away came is still answered.
  stream.SendEpisode(Plain("after", 1));
  EXPECT_TRUE(stream.NextResult().has_signals());
  stream.HalfClose();
  EXPECT_TRUE(stream.Finish().ok());
  shutdown.join();
}

}  // namespace
}  // namespace assay::testing
