// A whole server whose evaluators misbehave: every episode of the stream ends with the right
// signals or with a status that names the cause, in time, and the metrics add up.
#include <cmath>
#include <future>
#include <limits>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/evaluation/remote/remote.h"
#include "tests/chaos/faulty_evaluator.h"
#include "tests/chaos/product_game.h"
#include "tests/chaos/tcp_proxy.h"
#include "tests/integration/harness.h"

namespace assay::chaos {
namespace {

using ::testing::HasSubstr;
using testing::TestServer;
using testing::TestStream;

constexpr int kQuestions = 1 << kAgents;

v1::Episode Team(const std::string& id) {
  v1::Episode episode;
  episode.set_id(id);
  for (int i = 0; i < kAgents; ++i) {
    episode.add_agents()->set_id(absl::StrCat("agent-", i));
    v1::Message* message = episode.add_messages();
    message->set_agent_id(absl::StrCat("agent-", i));
    message->set_content("a step");
  }
  return episode;
}

std::vector<v1::Episode> Teams(int count) {
  std::vector<v1::Episode> episodes;
  episodes.reserve(static_cast<size_t>(count));
  for (int k = 0; k < count; ++k) episodes.push_back(Team(absl::StrCat("e", k)));
  return episodes;
}

// The evaluator `remote` of these loopback ports, and the options that ask it.
evaluation::RemoteOptions Remote(const std::vector<int>& ports) {
  evaluation::RemoteOptions remote;
  remote.name = "remote";
  for (const int port : ports) remote.endpoints.push_back(absl::StrCat("127.0.0.1:", port));
  remote.policy.retry.initial_backoff = absl::Milliseconds(5);
  return remote;
}

v1::AttributionOptions AskRemote() {
  v1::AttributionOptions options;
  options.mutable_named()->set_name("remote");
  return options;
}

void ExpectRight(const v1::EpisodeResult& result) {
  static const std::vector<double> exact = ExactCredit();
  ASSERT_TRUE(result.has_signals()) << result.ShortDebugString();
  for (int i = 0; i < kAgents; ++i) {
    EXPECT_NEAR(result.signals().agents(i).credit(), exact[i], 1e-12) << result.episode_id();
  }
}

// By what became of them; of an evaluator's questions.
class Questions {
 public:
  Questions(const TestServer& server, const std::string& evaluator)
      : server_(server), evaluator_(evaluator) {}
  int64_t operator()(const std::string& outcome) const {
    return std::llround(server_.Metric(absl::StrCat("assay_questions_total{evaluator=\"",
                                                    evaluator_, "\",outcome=\"", outcome, "\"}")));
  }
  int64_t Done() const {
    return (*this)("answered") + (*this)("failed") + (*this)("cancelled") + (*this)("timeout");
  }

 private:
  const TestServer& server_;
  const std::string evaluator_;
};

// Of 100 calls: 5 UNAVAILABLE, 5 ten times slower, 1 each NaN, out of range, too few.
Fault OneOfMany(int64_t call) {
  Fault fault;
  fault.latency = absl::Milliseconds(3);
  const int64_t kind = call * 37 % 100;
  if (kind < 5) fault.code = grpc::UNAVAILABLE;
  if (kind >= 5 && kind < 10) fault.latency *= 10;
  fault.nan = kind == 10;
  fault.out_of_range = kind == 11;
  fault.too_few = kind == 12;
  return fault;
}

TEST(Stream, ARemoteEvaluatorThatFailsInEveryWay) {
  constexpr int kEpisodes = 150;
  FaultyEvaluator a(Game, OneOfMany);
  FaultyEvaluator b(Game, OneOfMany);
  TcpProxy proxy(a.port());
  runtime::Config config = testing::LocalConfig();
  evaluation::RemoteOptions remote = Remote({proxy.port(), b.port()});
  remote.policy.bounds = {.batch_size = 4, .max_calls = 8};
  remote.policy.timeout = absl::Seconds(2);
  ASSERT_TRUE(config.evaluators.Add(evaluation::NamedRemote(remote)).ok());
  TestServer server(config);
  const Questions questions(server, "remote");

  const std::vector<v1::Episode> episodes = Teams(kEpisodes);
  const v1::AttributionOptions options = AskRemote();
  const auto stub = server.Stub();
  auto outcome = std::async(std::launch::async,
                            [&] { return testing::RunStream(stub.get(), options, episodes); });
  // One endpoint dies amid the stream and comes back.
  while (a.calls() < 50 &&
         outcome.wait_for(std::chrono::milliseconds(1)) != std::future_status::ready) {
  }
  proxy.SetMode(TcpProxy::Mode::kRefuse);
  proxy.DropConnections();
  absl::SleepFor(absl::Milliseconds(300));
  proxy.SetMode(TcpProxy::Mode::kForward);

  const testing::StreamOutcome ended = outcome.get();
  EXPECT_TRUE(ended.status.ok()) << ended.status.error_message();
  ASSERT_EQ(ended.results.size(), static_cast<size_t>(kEpisodes));
  int right = 0;
  for (const auto& [id, result] : ended.results) {
    if (result.has_error()) {
      EXPECT_THAT(result.error().message(), HasSubstr("evaluator remote: ")) << id;
      continue;
    }
    ExpectRight(result);
    ++right;
  }
  EXPECT_GT(right, kEpisodes * 9 / 10);

  EXPECT_EQ(server.Metric("assay_questions_outstanding"), 0);
  EXPECT_GT(questions("retried"), 0);
  EXPECT_GE(questions("answered"), int64_t{kQuestions} * right);
  EXPECT_LE(questions.Done(), int64_t{kQuestions} * kEpisodes);
  EXPECT_EQ(server.Metric("assay_episodes_total{outcome=\"ok\"}"), right);
  // What arrived was asked or asked again; what the dead endpoint lost never arrived.
  EXPECT_LE(a.questions() + b.questions(), questions.Done() + questions("retried"));
}

TEST(Stream, QuestionsThatAllGoWellAddUp) {
  constexpr int kEpisodes = 60;
  FaultyEvaluator evaluator(Game, [](int64_t call) {
    Fault fault;
    if (call % 20 == 7) fault.code = grpc::UNAVAILABLE;
    return fault;
  });
  runtime::Config config = testing::LocalConfig();
  evaluation::RemoteOptions remote = Remote({evaluator.port()});
  remote.policy.bounds.batch_size = 4;
  ASSERT_TRUE(config.evaluators.Add(evaluation::NamedRemote(remote)).ok());
  TestServer server(config);
  const Questions questions(server, "remote");
  const std::vector<v1::Episode> episodes = Teams(kEpisodes);
  const v1::AttributionOptions options = AskRemote();
  const auto stub = server.Stub();
  for (int pass = 0; pass < 2; ++pass) {
    for (const auto& [id, result] : testing::RunStream(stub.get(), options, episodes).results) {
      ExpectRight(result);
    }
  }
  EXPECT_EQ(questions("answered"), 2 * kQuestions * kEpisodes);
  EXPECT_EQ(questions("answered"), questions.Done());
  EXPECT_EQ(questions("cached"), kQuestions * kEpisodes) << "the second pass asks nothing";
  EXPECT_GT(questions("retried"), 0);
  EXPECT_EQ(evaluator.questions(),
            questions("answered") - questions("cached") + questions("retried"));
}

// How a caller answers the questions about an episode.
enum class Manner {
  kRight,
  kTwice,
  kNaN,
  kOutOfRange,
  kTooFew,
  kError,
  kSilent,
  kLate,  // after the episode has timed out
  kLast,
};

v1::StreamSignalsRequest Reply(const v1::EvaluateRequest& asked, Manner manner) {
  v1::StreamSignalsRequest request;
  v1::EvaluateResponse* response = request.mutable_evaluation();
  response->set_evaluation_id(asked.evaluation_id());
  if (manner == Manner::kError) {
    response->mutable_error()->set_code(grpc::FAILED_PRECONDITION);
    response->mutable_error()->set_message("no simulator left");
    return request;
  }
  response->mutable_answers();
  for (int q = manner == Manner::kTooFew ? 1 : 0; q < asked.questions_size(); ++q) {
    const auto& agents = asked.questions(q).counterfactual().coalition().agents();
    double mean = Game({agents.begin(), agents.end()});
    if (manner == Manner::kNaN) mean = std::numeric_limits<double>::quiet_NaN();
    if (manner == Manner::kOutOfRange) mean = -1;
    response->mutable_answers()->add_answers()->set_mean(mean);
  }
  return request;
}

TEST(Stream, ACallerThatAnswersInEveryWrongWay) {
  constexpr int kRounds = 5;
  constexpr int kManners = static_cast<int>(Manner::kLast);
  constexpr int kBatch = 4;
  constexpr int kHeld = kRounds * kQuestions / kBatch / 2;
  TestServer server(testing::LocalConfig());
  const Questions questions(server, "caller");
  const auto stub = server.Stub();
  // Long enough for those that are answered, as this machine is now; at least two seconds.
  std::vector<v1::Episode> votes;
  votes.reserve(size_t{kRounds} * kManners);
  for (int k = 0; k < kRounds * kManners; ++k) {
    votes.push_back(testing::Debate(absl::StrCat(k), kAgents, k));
  }
  const absl::Time start = absl::Now();
  testing::RunStream(stub.get(), {}, votes);
  const int64_t timeout = 2 + absl::ToInt64Seconds(100 * (absl::Now() - start));

  TestStream stream(stub.get());
  v1::AttributionOptions options;
  options.mutable_caller()->set_batch_size(kBatch);
  options.mutable_episode_timeout()->set_seconds(timeout);
  ASSERT_TRUE(stream.SendOptions(options));
  EXPECT_TRUE(stream.Next().has_ready());
  for (int k = 0; k < kRounds * kManners; ++k) {
    ASSERT_TRUE(stream.SendEpisode(Team(absl::StrCat(k % kManners, "-", k))));
  }
  // Early answers wait for the next one: answers come out of order. The last ones have none after
  // them.
  int right = 0;
  std::vector<v1::StreamSignalsRequest> held;
  std::vector<v1::StreamSignalsRequest> late;
  std::map<std::string, v1::EpisodeResult> results;
  int doubled = 0;
  while (results.size() < size_t{kRounds} * kManners) {
    const v1::StreamSignalsResponse response = stream.Next();
    if (::testing::Test::HasFailure()) return;
    if (response.has_result()) {
      EXPECT_TRUE(results.emplace(response.result().episode_id(), response.result()).second);
      continue;
    }
    ASSERT_TRUE(response.has_evaluate()) << response.ShortDebugString();
    const v1::EvaluateRequest& asked = response.evaluate();
    const auto manner = static_cast<Manner>(asked.episode_id()[0] - '0');
    v1::StreamSignalsRequest reply = Reply(asked, manner);
    if (manner == Manner::kSilent) continue;
    if (manner == Manner::kLate) {
      late.push_back(std::move(reply));
      continue;
    }
    if (manner == Manner::kTwice) {
      ASSERT_TRUE(stream.Send(reply));
      doubled += asked.questions_size();
    }
    if (manner == Manner::kRight && held.size() < 3 && ++right <= kHeld) {
      held.push_back(std::move(reply));
      continue;
    }
    ASSERT_TRUE(stream.Send(reply));
    for (; !held.empty(); held.pop_back()) ASSERT_TRUE(stream.Send(held.back()));
  }
  int64_t lost = 0;
  for (const v1::StreamSignalsRequest& reply : late) {
    ASSERT_TRUE(stream.Send(reply));
    lost += reply.evaluation().answers().answers_size();
  }
  stream.HalfClose();
  EXPECT_TRUE(stream.Finish().ok());

  const std::map<Manner, std::pair<int, std::string>> causes = {
      {Manner::kNaN, {grpc::INVALID_ARGUMENT, "mean"}},
      {Manner::kOutOfRange, {grpc::INVALID_ARGUMENT, "mean"}},
      {Manner::kTooFew, {grpc::INVALID_ARGUMENT, "answers"}},
      {Manner::kError, {grpc::FAILED_PRECONDITION, "no simulator left"}},
      {Manner::kSilent, {grpc::DEADLINE_EXCEEDED, ""}},
      {Manner::kLate, {grpc::DEADLINE_EXCEEDED, ""}},
  };
  for (const auto& [id, result] : results) {
    const auto cause = causes.find(static_cast<Manner>(id[0] - '0'));
    if (cause == causes.end()) {
      ExpectRight(result);
      continue;
    }
    EXPECT_EQ(result.error().code(), cause->second.first) << result.ShortDebugString();
    EXPECT_THAT(result.error().message(), HasSubstr(cause->second.second)) << id;
  }
  EXPECT_EQ(server.Metric("assay_questions_outstanding"), 0);
  EXPECT_EQ(questions("answered"), 2 * kRounds * kQuestions);
  EXPECT_GE(questions("dropped"), lost + doubled);
  EXPECT_GE(questions("timeout") + questions("cancelled"), lost);
}

TEST(Stream, ACancelledStreamStopsItsQuestions) {
  FaultyEvaluator evaluator(Game, [](int64_t) {
    Fault fault;
    fault.latency = absl::Hours(1);
    return fault;
  });
  runtime::Config config = testing::LocalConfig();
  evaluation::RemoteOptions remote = Remote({evaluator.port()});
  remote.policy.bounds = {.batch_size = 4, .max_calls = 16};
  ASSERT_TRUE(config.evaluators.Add(evaluation::NamedRemote(remote)).ok());
  TestServer server(config);
  const auto stub = server.Stub();
  {
    TestStream stream(stub.get());
    ASSERT_TRUE(stream.SendOptions(AskRemote()));
    EXPECT_TRUE(stream.Next().has_ready());
    for (int k = 0; k < 30; ++k) ASSERT_TRUE(stream.SendEpisode(Team(absl::StrCat("e", k))));
    EXPECT_TRUE(testing::BecomesTrue([&] { return evaluator.calls() >= 16; }));
    EXPECT_EQ(evaluator.calls(), 16);
    EXPECT_GT(server.Metric("assay_questions_outstanding"), 64);
    stream.Cancel();
    EXPECT_EQ(stream.Finish().error_code(), grpc::CANCELLED);
  }
  EXPECT_TRUE(
      testing::BecomesTrue([&] { return server.Metric("assay_questions_outstanding") == 0; }));
  EXPECT_TRUE(testing::BecomesTrue([&] { return evaluator.cancelled() == evaluator.calls(); }));
  EXPECT_LT(evaluator.calls(), 30 * kQuestions / 4) << "those that waited for room are not asked";
}

}  // namespace
}  // namespace assay::chaos
