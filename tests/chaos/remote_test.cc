// Remote evaluators that fail in every way: each episode ends with the right signals or with a
// status that names the cause, in time, and the totals add up.
#include "server/evaluation/remote/remote.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <fstream>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/engine/asio_executor.h"
#include "server/engine/engine.h"
#include "tests/chaos/faulty_evaluator.h"
#include "tests/chaos/product_game.h"
#include "tests/chaos/tcp_proxy.h"
#include "tests/hangs.h"
#include "tests/unit/evaluation/fixtures.h"

namespace assay::chaos {
namespace {

using evaluation::RemoteOptions;
using ::testing::HasSubstr;

std::string At(int port) { return absl::StrCat("127.0.0.1:", port); }

Fault Slow(int milliseconds) {
  Fault fault;
  fault.latency = absl::Milliseconds(milliseconds);
  return fault;
}

RemoteOptions To(std::vector<std::string> endpoints) {
  RemoteOptions options;
  options.name = "remote";
  options.endpoints = std::move(endpoints);
  return options;
}

class Totals final : public engine::EngineObserver {
 public:
  void OnQuestionsAsked(absl::string_view, int64_t count) override { asked += count; }
  void OnQuestionsDone(absl::string_view, absl::string_view outcome, int64_t count,
                       absl::Duration) override {
    const std::lock_guard<std::mutex> lock(mutex);
    done[std::string(outcome)] += count;
  }
  void OnQuestionsRetried(absl::string_view, int64_t count) override { retried += count; }
  void OnQuestionsCached(absl::string_view, int64_t count) override { cached += count; }

  int64_t Done() {
    const std::lock_guard<std::mutex> lock(mutex);
    int64_t total = 0;
    for (const auto& [outcome, count] : done) total += count;
    return total;
  }
  std::atomic<int64_t> asked = 0;
  std::atomic<int64_t> retried = 0;
  std::atomic<int64_t> cached = 0;
  std::mutex mutex;
  std::map<std::string, int64_t> done;
};

class RemoteTest : public ::testing::Test {
 protected:
  std::shared_ptr<evaluation::Evaluator> Make(const RemoteOptions& options) {
    auto evaluator = evaluation::MakeRemote(options, &executor_, &totals_);
    EXPECT_TRUE(evaluator.ok()) << evaluator.status();
    return *evaluator;
  }

  // An episode with an id of its own.
  std::shared_ptr<const evaluation::EpisodeContext> Fresh(int agents) {
    auto context = evaluation::SmallContext(agents);
    ids_.push_back(std::make_unique<std::string>(absl::StrCat("e", ids_.size())));
    context->episode.id = *ids_.back();
    return context;
  }

  using Results = std::vector<absl::StatusOr<signals::Signals>>;
  // All at once, each an episode of its own, so the cache never helps.
  Results Score(const std::shared_ptr<evaluation::Evaluator>& evaluator, int episodes,
                absl::Duration timeout = kHangs) {
    std::vector<std::promise<absl::StatusOr<signals::Signals>>> promises(episodes);
    for (int k = 0; k < episodes; ++k) {
      engine::EpisodeJob job;
      job.context = Fresh(kAgents);
      job.options = options_;
      job.evaluator = evaluator;
      job.timeout = timeout;
      engine_.Start(std::move(job), [&, k](absl::StatusOr<signals::Signals> signals) {
        promises[k].set_value(std::move(signals));
      });
    }
    Results results;
    for (auto& promise : promises) results.push_back(promise.get_future().get());
    return results;
  }

  // The number of episodes with signals, all of which must be right.
  int CountRight(const Results& results) {
    const std::vector<double> exact = ExactCredit();
    int right = 0;
    for (const auto& result : results) {
      if (!result.ok()) continue;
      ++right;
      for (int i = 0; i < kAgents; ++i) EXPECT_NEAR(result->agents[i].credit, exact[i], 1e-12);
    }
    return right;
  }

  Totals totals_;
  engine::AsioExecutor executor_{2, &totals_};
  engine::Engine engine_{&executor_, &totals_};
  std::shared_ptr<signals::Options> options_ = std::make_shared<signals::Options>();
  std::vector<std::unique_ptr<std::string>> ids_;
};

TEST_F(RemoteTest, LearnsTraitsAndAnswers) {
  FaultyEvaluator server(Game, [](int64_t) { return Fault(); });
  const auto evaluator = Make(To({At(server.port())}));
  EXPECT_TRUE(evaluator->traits().deterministic);
  EXPECT_FALSE(evaluator->traits().free);
  EXPECT_EQ(evaluator->traits().supports, signals::Bit(signals::QuestionKind::kCoalition));
  EXPECT_EQ(CountRight(Score(evaluator, 5)), 5);
  EXPECT_EQ(server.questions(), 5 << kAgents);
}

TEST_F(RemoteTest, AsksWhatTheEvaluatorSaysItAnswers) {
  using signals::Bit;
  using signals::QuestionKind;
  const auto learned = [this](std::vector<v1::QuestionKind> kinds) {
    FaultyEvaluator server(Game, [](int64_t) { return Fault(); });
    server.set_supports(std::move(kinds));
    return Make(To({At(server.port())}))->traits().supports;
  };
  EXPECT_EQ(learned({}), Bit(QuestionKind::kCoalition));
  EXPECT_EQ(learned({v1::QUESTION_KIND_MESSAGES}), Bit(QuestionKind::kMessages));
  EXPECT_EQ(learned({v1::QUESTION_KIND_COALITION, v1::QUESTION_KIND_PREFIX,
                     v1::QUESTION_KIND_CORRECTION, v1::QUESTION_KIND_MESSAGE_SCORES}),
            Bit(QuestionKind::kCoalition) | Bit(QuestionKind::kPrefix) |
                Bit(QuestionKind::kCorrection) | Bit(QuestionKind::kMessageScores));
}

// As the caller sent it, and lent: it is whole when the call is over.
TEST_F(RemoteTest, TheEpisodeGoesWithItsQuestions) {
  FaultyEvaluator server(Game, [](int64_t) { return Fault(); });
  const auto evaluator = Make(To({At(server.port())}));
  v1::Episode episode;
  episode.set_id("sent");
  episode.mutable_task()->set_prompt("Add 2 and 2");
  const std::string bytes = episode.SerializeAsString();
  for (const bool sent : {false, true}) {
    evaluation::Batch batch = evaluation::CoalitionBatch(Fresh(1));
    auto context = std::make_shared<evaluation::EpisodeContext>(*batch.context);
    if (sent) context->message = &episode;
    batch.context = context;
    std::promise<bool> answered;
    const auto cancel = evaluator->Evaluate(
        std::move(batch), [&](const auto& answers) { answered.set_value(answers.ok()); });
    EXPECT_TRUE(answered.get_future().get());
    EXPECT_EQ(server.episode_bytes(), sent ? static_cast<int64_t>(bytes.size()) : 0);
    EXPECT_EQ(episode.SerializeAsString(), bytes);
  }
}

TEST_F(RemoteTest, SpreadsCallsOverEndpointsWithinTheBound) {
  FaultyEvaluator a(Game, [](int64_t) { return Slow(5); });
  FaultyEvaluator b(Game, [](int64_t) { return Slow(5); });
  RemoteOptions options = To({At(a.port()), At(b.port())});
  options.policy.bounds = {.batch_size = 1, .max_calls = 16};
  EXPECT_EQ(CountRight(Score(Make(options), 20)), 20);
  EXPECT_EQ(a.calls() + b.calls(), 20 << kAgents);
  EXPECT_NEAR(static_cast<double>(a.calls()), static_cast<double>(b.calls()), 40);
  EXPECT_LE(a.most_at_once() + b.most_at_once(), 32);
}

// From the first on; an endpoint that cannot be reached leaves its calls to the next.
TEST_F(RemoteTest, CallsGoRoundInOrder) {
  const auto well = [](int64_t) { return Fault(); };
  FaultyEvaluator a(Game, well);
  FaultyEvaluator b(Game, well);
  const auto order = [&](const std::vector<std::string>& endpoints, int calls) {
    RemoteOptions options = To(endpoints);
    options.traits.emplace().supports = signals::Bit(signals::QuestionKind::kCoalition);
    options.policy.retry.max_attempts = 1;
    const auto evaluator = Make(options);
    std::string order;
    for (; calls > 0; --calls) {
      const int64_t of_a = a.calls();
      const int64_t of_b = b.calls();
      evaluation::Batch batch = evaluation::CoalitionBatch(Fresh(1));
      std::promise<bool> answered;
      const auto cancel = evaluator->Evaluate(
          std::move(batch), [&](const auto& answers) { answered.set_value(answers.ok()); });
      const bool ok = answered.get_future().get();
      order += a.calls() > of_a ? "a" : b.calls() > of_b ? "b" : "-";
      EXPECT_EQ(ok, order.back() != '-');
    }
    return order;
  };
  EXPECT_EQ(order({At(a.port()), At(b.port())}, 4), "abab");
  // That nobody is there shows in the first call.
  EXPECT_EQ(order({"127.0.0.1:1", At(a.port()), At(b.port())}, 7), "-abaaba");
  EXPECT_EQ(order({"127.0.0.1:1", "127.0.0.1:1"}, 4), "----");
}

TEST_F(RemoteTest, FaultsOfEveryKind) {
  // Of 100 calls: 5 UNAVAILABLE, 5 ten times slower, 2 NaN, 2 out of range, 2 too few, 2 with
  // another's id.
  const auto fault = [](int64_t call) {
    Fault fault = Slow(2);
    switch (call * 37 % 100 / 2) {
      case 0:
      case 1:
        fault.code = grpc::UNAVAILABLE;
        break;
      case 2:
        if (call % 2 == 0) fault.code = grpc::UNAVAILABLE;
        break;
      case 3:
      case 4:
        fault.latency *= 10;
        break;
      case 5:
        fault.nan = true;
        break;
      case 6:
        fault.out_of_range = true;
        break;
      case 7:
        fault.too_few = true;
        break;
      case 8:
        fault.wrong_id = true;
        break;
      default:
        break;
    }
    return fault;
  };
  FaultyEvaluator server(Game, fault);
  RemoteOptions options = To({At(server.port())});
  options.policy.bounds.batch_size = 4;
  options.policy.retry.initial_backoff = absl::Milliseconds(5);
  const Results results = Score(Make(options), 100);
  EXPECT_GE(CountRight(results), 95);
  for (const auto& result : results) {
    if (!result.ok()) {
      EXPECT_THAT(std::string(result.status().message()), HasSubstr("evaluator remote: "));
    }
  }
  EXPECT_GT(totals_.retried, 0);
  EXPECT_LE(totals_.asked, 100 << kAgents);
  EXPECT_EQ(totals_.asked, totals_.Done());
  // Sent = asked + retried, but for what was given up after a sibling's failure.
  EXPECT_LE(server.questions(), totals_.asked + totals_.retried);
  if (CountRight(results) == 100) {
    EXPECT_EQ(server.questions(), totals_.asked + totals_.retried);
  }
}

TEST_F(RemoteTest, AnEndpointDiesAndComesBack) {
  const auto slow = [](int64_t) { return Slow(3); };
  FaultyEvaluator a(Game, slow);
  FaultyEvaluator b(Game, slow);
  TcpProxy proxy(a.port());
  RemoteOptions options = To({At(proxy.port()), At(b.port())});
  options.policy.bounds = {.batch_size = 1, .max_calls = 32};
  const auto evaluator = Make(options);
  EXPECT_EQ(CountRight(Score(evaluator, 20)), 20);
  const int64_t before = a.calls();
  EXPECT_GT(before, 0);

  auto dying = std::async(std::launch::async, [&] { return Score(evaluator, 60); });
  absl::SleepFor(absl::Milliseconds(50));
  proxy.SetMode(TcpProxy::Mode::kRefuse);
  proxy.DropConnections();
  EXPECT_EQ(CountRight(dying.get()), 60) << "retries go to the endpoint that lives";

  proxy.SetMode(TcpProxy::Mode::kForward);
  const int64_t dead = a.calls();
  const absl::Time give_up = absl::Now() + kHangs;
  while (a.calls() == dead && absl::Now() < give_up) EXPECT_EQ(CountRight(Score(evaluator, 4)), 4);
  EXPECT_GT(a.calls(), dead) << "it is used again";
  EXPECT_EQ(totals_.asked, totals_.Done());
}

TEST_F(RemoteTest, NobodyThere) {
  RemoteOptions options = To({"127.0.0.1:1"});
  options.traits.emplace().supports = signals::Bit(signals::QuestionKind::kCoalition);
  options.policy.retry.initial_backoff = absl::Milliseconds(1);
  const Results results = Score(Make(options), 3);
  for (const auto& result : results) {
    EXPECT_EQ(result.status().code(), absl::StatusCode::kUnavailable) << result.status();
    EXPECT_THAT(std::string(result.status().message()), HasSubstr("evaluator remote: "));
  }
}

TEST_F(RemoteTest, NothingHangsPastItsDeadline) {
  FaultyEvaluator server(Game, [](int64_t) { return Fault(); });
  TcpProxy proxy(server.port());
  proxy.SetMode(TcpProxy::Mode::kBlackHole);
  RemoteOptions options = To({At(proxy.port())});
  options.info_timeout = absl::Milliseconds(50);
  options.policy.timeout = absl::Milliseconds(100);
  options.policy.retry.max_attempts = 2;
  const auto evaluator = Make(options);
  const absl::Time start = absl::Now();
  for (const auto& result : Score(evaluator, 3)) {
    EXPECT_EQ(result.status().code(), absl::StatusCode::kDeadlineExceeded) << result.status();
  }
  for (const auto& result : Score(evaluator, 3, absl::Milliseconds(30))) {
    EXPECT_EQ(result.status().code(), absl::StatusCode::kDeadlineExceeded) << result.status();
  }
  EXPECT_LT(absl::Now() - start, kHangs) << "a deadline of the evaluator's, not of the episode's";
}

// Whoever is asked must know when to stop.
TEST_F(RemoteTest, TheDeadlineTravels) {
  FaultyEvaluator server(Game, [](int64_t) { return Fault(); });
  RemoteOptions options = To({At(server.port())});
  options.policy.timeout = absl::Seconds(40);
  const auto evaluator = Make(options);
  for (const absl::Duration timeout : {absl::Seconds(20), absl::InfiniteDuration()}) {
    const absl::Time start = absl::Now();
    EXPECT_EQ(CountRight(Score(evaluator, 1, timeout)), 1);
    const absl::Duration given = std::min(timeout, options.policy.timeout);
    EXPECT_GT(server.deadline(), start + given - absl::Seconds(1));
    EXPECT_LT(server.deadline(), absl::Now() + given + absl::Seconds(1));
  }
}

TEST_F(RemoteTest, TlsFilesThatCannotBeRead) {
  RemoteOptions options = To({"127.0.0.1:1"});
  options.tls.emplace().ca_file = "/nowhere/ca.pem";
  const auto evaluator = evaluation::MakeRemote(options, &executor_, nullptr);
  EXPECT_EQ(evaluator.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(evaluator.status().message()), HasSubstr("/nowhere/ca.pem"));
  const std::string empty = ::testing::TempDir() + "/assay_empty.pem";
  std::ofstream(empty).flush();
  options.tls->ca_file = "";
  options.tls->key_file = empty;
  EXPECT_THAT(std::string(evaluation::MakeRemote(options, &executor_, nullptr).status().message()),
              HasSubstr(empty));
}

}  // namespace
}  // namespace assay::chaos
