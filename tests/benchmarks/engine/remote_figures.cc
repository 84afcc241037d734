// Figures of a remote evaluator in a process of its own, each printed as `NAME VALUE UNIT`:
//   remote_fanout_over_ideal  makespan of 200 episodes x 64 questions, one a call, at 50 ms and 256
//                             calls at a time, over questions / 256 x 50 ms; median of 5
//   remote_threads            threads of this process while it runs
//   outstanding_mib           memory of 10,000 questions on their way, one a call
//   cancel_ms                 of 10,000 questions, 256 calls at a time: from the cancel to the end
//                             of the last
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/engine/asio_executor.h"
#include "server/engine/engine.h"
#include "server/evaluation/remote/remote.h"
#include "tests/benchmarks/rounds.h"
#include "tests/chaos/faulty_evaluator.h"

namespace assay {
namespace {

constexpr int kRounds = 5;
constexpr int kCalls = 256;

struct Ports {
  int quick = 0;  // answers after 50 ms
  int silent = 0;
};

double Game(const std::vector<int>& agents) { return agents.empty() ? 0 : 1; }

// The server's process, forked before this one has threads.
pid_t StartServer(Ports* ports) {
  int ends[2];
  if (pipe(ends) != 0) std::abort();
  const pid_t child = fork();
  if (child != 0) {
    if (read(ends[0], ports, sizeof(*ports)) != static_cast<ssize_t>(sizeof(*ports))) std::abort();
    return child;
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  chaos::FaultyEvaluator quick(Game, [](int64_t) {
    chaos::Fault fault;
    fault.latency = absl::Milliseconds(50);
    return fault;
  });
  chaos::FaultyEvaluator silent(Game, [](int64_t) {
    chaos::Fault fault;
    fault.latency = absl::Hours(1);
    return fault;
  });
  const Ports mine = {quick.port(), silent.port()};
  if (write(ends[1], &mine, sizeof(mine)) != static_cast<ssize_t>(sizeof(mine))) std::abort();
  for (;;) pause();
}

std::string StatusLine(const char* name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind(name, 0) == 0) return line.substr(line.find(':') + 1);
  }
  return "0";
}

std::shared_ptr<evaluation::EpisodeContext> MakeContext(int agents) {
  static const std::vector<std::string> ids = {"a", "b", "c", "d", "e", "f", "g", "h"};
  auto context = std::make_shared<evaluation::EpisodeContext>();
  context->episode.id = "episode";
  for (int i = 0; i < agents; ++i) {
    context->episode.agents.push_back({ids[i], "", ids[i]});
    signals::Message message;
    message.agent = i;
    message.content = "a step";
    context->episode.messages.push_back(message);
  }
  return context;
}

std::shared_ptr<evaluation::Evaluator> MakeEvaluator(int port, int calls,
                                                     engine::Executor* executor) {
  evaluation::RemoteOptions options;
  options.name = "remote";
  options.endpoints = {absl::StrCat("127.0.0.1:", port)};
  options.policy.bounds.batch_size = 1;
  options.policy.bounds.max_calls = calls;
  options.policy.timeout = absl::Hours(1);
  options.policy.cache_bytes = 0;
  auto evaluator = evaluation::MakeRemote(options, executor, nullptr);
  if (!evaluator.ok()) std::abort();
  return *evaluator;
}

// Episodes on their way through one engine.
class Load {
 public:
  Load(int port, int calls)
      : executor_(2, nullptr),
        engine_(&executor_, nullptr),
        evaluator_(MakeEvaluator(port, calls, &executor_)) {
    options_->estimator.method = credit::Method::kExact;
  }

  void Start(int episodes, int agents) {
    left_ = episodes;
    const auto context = MakeContext(agents);
    for (int e = 0; e < episodes; ++e) {
      engine::EpisodeJob job;
      job.context = context;
      job.options = options_;
      job.evaluator = evaluator_;
      runs_.push_back(engine_.Start(std::move(job), [this](const auto& signals) {
        const std::lock_guard<std::mutex> lock(mutex_);
        failed_ += signals.ok() ? 0 : 1;
        if (--left_ == 0) all_done_.notify_one();
      }));
    }
  }
  void Wait() {
    std::unique_lock<std::mutex> lock(mutex_);
    all_done_.wait(lock, [&] { return left_ == 0; });
  }
  int failed() const { return failed_; }

 private:
  engine::AsioExecutor executor_;
  engine::Engine engine_;
  const std::shared_ptr<evaluation::Evaluator> evaluator_;
  const std::shared_ptr<signals::Options> options_ = std::make_shared<signals::Options>();
  std::vector<std::shared_ptr<engine::Run>> runs_;
  std::mutex mutex_;
  std::condition_variable all_done_;
  int left_ = 0;
  int failed_ = 0;
};

void FanOut(int port) {
  constexpr int kEpisodes = 200;
  constexpr int kAgents = 6;
  std::vector<double> ratios;
  std::string threads;
  for (int round = 0; round < kRounds; ++round) {
    Load load(port, kCalls);
    const absl::Time start = absl::Now();
    load.Start(kEpisodes, kAgents);
    absl::SleepFor(absl::Milliseconds(500));
    threads = StatusLine("Threads");
    load.Wait();
    if (load.failed() > 0) std::abort();
    ratios.push_back(absl::ToDoubleSeconds(absl::Now() - start) /
                     (static_cast<double>(kEpisodes << kAgents) / kCalls * 0.05));
  }
  benchmarks::PrintMedian("remote_fanout_over_ideal", std::move(ratios), "ratio");
  std::printf("remote_threads %d threads\n", std::atoi(threads.c_str()));
}

// 10,000 questions, `calls` of them sent, the others waiting for room.
void Outstanding(int port, int calls, bool memory) {
  constexpr int kQuestions = 10'000;
  engine::AsioExecutor executor(2, nullptr);
  const auto evaluator = MakeEvaluator(port, calls, &executor);
  evaluation::Batch batch;
  batch.context = MakeContext(6);
  batch.questions.resize(kQuestions);
  const int before = std::atoi(StatusLine("VmRSS").c_str());
  std::promise<void> ended;
  auto cancel = evaluator->Evaluate(std::move(batch), [&](const auto&) { ended.set_value(); });
  absl::SleepFor(absl::Seconds(5));
  const int after = std::atoi(StatusLine("VmRSS").c_str());
  if (memory) std::printf("outstanding_mib %.1f MiB\n", (after - before) / 1024.0);
  const absl::Time start = absl::Now();
  cancel();
  ended.get_future().wait();
  if (!memory) std::printf("cancel_ms %.1f ms\n", absl::ToDoubleMilliseconds(absl::Now() - start));
}

}  // namespace
}  // namespace assay

int main() {
  assay::Ports ports;
  const pid_t server = assay::StartServer(&ports);
  assay::FanOut(ports.quick);
  assay::Outstanding(ports.silent, 10'000, /*memory=*/true);
  assay::Outstanding(ports.silent, assay::kCalls, /*memory=*/false);
  kill(server, SIGKILL);
  waitpid(server, nullptr, 0);
  return 0;
}
