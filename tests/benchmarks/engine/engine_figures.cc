// Two figures of the engine in process, each printed as `NAME VALUE UNIT`:
//   workers_2_over_1   throughput of CPU-bound episodes with two workers over that with one
//   fanout_over_ideal  makespan of 200 episodes x 64 questions at 50 ms and 256 calls at a time,
//                      over questions / 256 x 50 ms
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "server/engine/asio_executor.h"
#include "server/engine/engine.h"
#include "server/evaluation/evaluators/vote_replay.h"
#include "server/evaluation/wrappers/bounded.h"
#include "tests/benchmarks/rounds.h"

namespace assay {
namespace {

constexpr int kRounds = 5;

std::shared_ptr<evaluation::EpisodeContext> MakeContext(int agents) {
  static const std::vector<std::string> ids = [] {
    std::vector<std::string> names;
    for (int i = 0; i < 64; ++i) names.push_back("agent" + std::to_string(i));
    return names;
  }();
  auto context = std::make_shared<evaluation::EpisodeContext>();
  context->episode.id = "episode";
  context->episode.reference_answer = "A";
  for (int i = 0; i < agents; ++i) {
    context->episode.agents.push_back({ids[i], "", ids[i]});
    signals::Message message;
    message.agent = i;
    message.content = "an answer";
    message.answer = i % 3 == 0 ? "B" : "A";
    context->episode.messages.push_back(message);
  }
  return context;
}

// Runs `count` copies of the episode and returns the seconds until the last is done.
double Makespan(
    int workers, int count, const std::shared_ptr<evaluation::EpisodeContext>& context,
    const std::function<std::shared_ptr<evaluation::Evaluator>(engine::Executor*)>& make) {
  engine::AsioExecutor executor(workers, nullptr);
  engine::Engine engine(&executor, nullptr);
  const auto evaluator = make(&executor);
  const auto options = std::make_shared<signals::Options>();
  std::mutex mutex;
  std::condition_variable all_done;
  int left = count;
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::shared_ptr<engine::Run>> runs;
  for (int e = 0; e < count; ++e) {
    engine::EpisodeJob job;
    job.context = context;
    job.options = options;
    job.evaluator = evaluator;
    runs.push_back(engine.Start(std::move(job), [&](absl::StatusOr<signals::Signals> signals) {
      if (!signals.ok()) std::abort();
      const std::lock_guard<std::mutex> lock(mutex);
      if (--left == 0) all_done.notify_one();
    }));
  }
  std::unique_lock<std::mutex> lock(mutex);
  all_done.wait(lock, [&] { return left == 0; });
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void Workers() {
  const auto context = MakeContext(16);
  const auto vote = [](engine::Executor*) -> std::shared_ptr<evaluation::Evaluator> {
    return evaluation::MakeVoteReplay({});
  };
  std::vector<double> ratios;
  for (int round = 0; round < kRounds; ++round) {
    const double one = Makespan(1, 300, context, vote);
    ratios.push_back(one / Makespan(2, 300, context, vote));
  }
  benchmarks::PrintMedian("workers_2_over_1", std::move(ratios), "ratio");
}

// Answers every call 50 ms later, on no thread of its own.
class Slow : public evaluation::Evaluator {
 public:
  explicit Slow(engine::Executor* executor) : executor_(executor) {
    traits_.kind = signals::EvaluatorKind::kNamed;
    traits_.supports = signals::Bit(signals::QuestionKind::kCoalition);
    traits_.free = false;
  }
  absl::string_view name() const override { return "slow"; }
  const signals::EvaluatorTraits& traits() const override { return traits_; }
  evaluation::CancelFn Evaluate(evaluation::Batch batch, evaluation::BatchDone done) override {
    auto answers = std::make_shared<evaluation::Answers>(batch.questions.size());
    auto shared_done = std::make_shared<evaluation::BatchDone>(std::move(done));
    executor_->After(absl::Milliseconds(50),
                     [answers, shared_done] { (*shared_done)(std::move(*answers)); });
    return [] {};
  }

 private:
  engine::Executor* const executor_;
  signals::EvaluatorTraits traits_;
};

void FanOut() {
  constexpr int kEpisodes = 200;
  constexpr int kQuestions = 64;
  constexpr int kCalls = 256;
  const auto context = MakeContext(6);
  std::vector<double> ratios;
  for (int round = 0; round < kRounds; ++round) {
    const double seconds = Makespan(2, kEpisodes, context, [](engine::Executor* executor) {
      evaluation::Bounds bounds;
      bounds.batch_size = 1;
      bounds.max_calls = kCalls;
      bounds.max_questions = kCalls;
      return evaluation::Bounded(std::make_shared<Slow>(executor), bounds);
    });
    ratios.push_back(seconds / (double{kEpisodes} * kQuestions / kCalls * 0.05));
  }
  benchmarks::PrintMedian("fanout_over_ideal", std::move(ratios), "ratio");
}

}  // namespace
}  // namespace assay

int main() {
  assay::Workers();
  assay::FanOut();
  return 0;
}
