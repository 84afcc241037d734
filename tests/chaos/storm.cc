// All real logs at once through 16 streams and three evaluators (vote replay, caller, remote),
// once in quiet and then again and again for some minutes in trouble: connections of clients and
// of the evaluator are reset, cut, stalled, sliced, throttled, half closed and refused, the server
// is stopped, continued, hung up and replaced. Every answer must have the bytes of the quiet run.
//
//   storm --assayd=build/release/server/assayd --minutes=10 --seed=1
//
// Exit code 77: there are no logs beside the repository.
#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/chaos/child_server.h"
#include "tests/chaos/faulty_evaluator.h"
#include "tests/chaos/real_episodes.h"
#include "tests/chaos/replay.h"
#include "tests/chaos/trouble.h"

ABSL_FLAG(std::string, assayd, "", "path of the server");
ABSL_FLAG(double, minutes, 10, "of trouble, after the quiet run");
ABSL_FLAG(double, rate, 10, "episodes a second on each of the 16 streams");
ABSL_FLAG(uint64_t, seed, 1, "of the order of troubles");
ABSL_FLAG(int, limit, 0, "episodes of each stream at most; 0: all");

namespace assay::chaos {
namespace {

constexpr int kSkipped = 77;
constexpr int kGroupSize = 4;
// Seconds. Trouble is long enough for questions to be on their way; the calm after it is long
// enough for some episode to be answered, or nothing would ever be.
constexpr double kShortest = 0.2;
constexpr double kLongest = 2;
constexpr double kCalm = 2;
constexpr int kTroublesToRestart = 20;

enum class Who { kVote, kCaller, kRemote };

// One of the streams: which part of which file, and who answers.
struct Share {
  const char* file;
  Who who;
};
// Files with ballots are shared among all three evaluators, the others between two.
constexpr Share kShares[] = {
    {"dylan_mmlu_3agents", Who::kVote},
    {"dylan_mmlu_3agents", Who::kVote},
    {"dylan_mmlu_3agents", Who::kCaller},
    {"dylan_mmlu_3agents", Who::kRemote},
    {"dylan_mmlu_7agents", Who::kVote},
    {"dylan_mmlu_7agents", Who::kCaller},
    {"dylan_mmlu_7agents", Who::kRemote},
    {"dylan_math_complex", Who::kVote},
    {"dylan_math_complex", Who::kCaller},
    {"dylan_math_complex", Who::kRemote},
    {"dylan_humaneval_gpt_35_turbo_0301", Who::kCaller},
    {"dylan_humaneval_gpt_35_turbo_0301", Who::kRemote},
    {"taubench_airline_gpt4o", Who::kCaller},
    {"taubench_airline_gpt4o", Who::kRemote},
    {"whowhen_ag", Who::kCaller},
    {"whowhen_ag", Who::kRemote},
};

v1::AttributionOptions OptionsFor(const Share& share, int stream) {
  v1::AttributionOptions options;
  options.set_audit(stream % 2 == 0 ? v1::AUDIT_FULL : v1::AUDIT_LEDGER);
  switch (share.who) {
    case Who::kVote:
      options.mutable_vote()->set_empty_ballots(absl::StrContains(share.file, "mmlu"));
      if (options.vote().empty_ballots()) options.mutable_vote()->set_grader(v1::GRADER_CHOICE);
      break;
    case Who::kCaller:
      options.mutable_caller()->set_batch_size(16);
      break;
    case Who::kRemote:
      options.mutable_named()->set_name("remote");
      break;
  }
  return options;
}

// Groups only where an answer cannot fail for the moment: asking for one of its episodes again
// would be another group.
void MakeGroups(Workload* workload) {
  const size_t whole = workload->episodes.size() / kGroupSize * kGroupSize;
  for (size_t i = 0; i < whole; ++i) {
    v1::Group* group = workload->episodes[i].mutable_group();
    group->set_id(absl::StrCat("g", i / kGroupSize));
    group->set_size(kGroupSize);
  }
}

std::vector<Workload> MakeWorkloads(const std::vector<EpisodeFile>& files) {
  std::map<std::string, std::vector<int>> streams_of;
  const int count = static_cast<int>(std::size(kShares));
  for (int i = 0; i < count; ++i) streams_of[kShares[i].file].push_back(i);
  std::vector<Workload> workloads(std::size(kShares));
  for (const EpisodeFile& file : files) {
    const std::vector<int>& streams = streams_of[file.name];
    for (size_t k = 0; !streams.empty() && k < file.episodes.size(); ++k) {
      workloads[streams[k % streams.size()]].episodes.push_back(file.episodes[k]);
    }
  }
  const auto limit = static_cast<size_t>(absl::GetFlag(FLAGS_limit));
  for (int i = 0; i < count; ++i) {
    Workload& workload = workloads[i];
    workload.name = absl::StrCat("stream ", i, " (", kShares[i].file, ")");
    workload.config.options = OptionsFor(kShares[i], i);
    workload.config.evaluate = &AnswerByTeamValue;
    workload.config.reconnect_timeout = absl::Minutes(5);
    if (limit > 0 && workload.episodes.size() > limit) workload.episodes.resize(limit);
    if (kShares[i].who != Who::kRemote) MakeGroups(&workload);
  }
  return workloads;
}

// Without a cache, as Effort.samples tells fresh answers from remembered ones.
std::string Config(int evaluator_port) {
  return absl::StrCat(R"({"grace": "3s", "evaluators": [{"name": "remote", "cacheBytes": "0",
      "timeout": "5s", "maxAttempts": 10, "breakerFailures": 0, "remote": {
        "endpoints": ["127.0.0.1:)",
                      evaluator_port, R"("],
        "traits": {"supports": ["coalition"], "deterministic": true}}}]})");
}

// The server, the ways to it and from it, and what befalls them.
class Stage {
 public:
  Stage(FaultyEvaluator* evaluator, uint64_t seed)
      : to_evaluator_(evaluator->port()), random_(seed) {
    options_.program = absl::GetFlag(FLAGS_assayd);
    options_.config_json = Config(to_evaluator_.port());
  }

  absl::Status Start() {
    auto server = ChildServer::Start(options_);
    if (!server.ok()) return server.status();
    server_ = *std::move(server);
    if (options_.port == 0) {
      options_.port = server_->port();
      to_server_ = std::make_unique<TcpProxy>(options_.port);
    }
    return absl::OkStatus();
  }
  // True where it ended by itself when it was told to.
  bool Stop() {
    const auto code = server_->Stop();
    if (code.ok() && *code == 0) return true;
    std::fprintf(stderr, "assayd did not end well: %s\n%s\n",
                 code.ok() ? absl::StrCat(*code).c_str() : code.status().ToString().c_str(),
                 server_->Log().c_str());
    return false;
  }
  std::string address() const { return absl::StrCat("127.0.0.1:", to_server_->port()); }

  // False: the server did not survive.
  bool Befall() {
    const absl::Duration time =
        absl::Seconds(std::uniform_real_distribution<>(kShortest, kLongest)(random_));
    const size_t kinds = Troubles().size() * 2 + 2;
    const size_t kind = random_() % kinds;
    if (++troubles_ % kTroublesToRestart == 0) {
      ++happened_["server replaced"];
      return Stop() && Start().ok();
    }
    if (kind < Troubles().size() * 2) {
      const Trouble& trouble = Troubles()[kind / 2];
      const bool client = kind % 2 == 0;
      ++happened_[absl::StrCat(trouble.name, client ? " before server" : " before evaluator")];
      trouble.cause(client ? to_server_.get() : &to_evaluator_, time);
    } else if (kind == kinds - 2) {
      ++happened_["SIGHUP"];
      server_->Signal(SIGHUP);
    } else {
      ++happened_["SIGSTOP"];
      server_->Signal(SIGSTOP);
      absl::SleepFor(time);
      server_->Signal(SIGCONT);
    }
    absl::SleepFor(time + absl::Seconds(kCalm));
    return server_->running();
  }
  void Print() const {
    for (const auto& [name, count] : happened_)
      std::printf("trouble: %s %d\n", name.c_str(), count);
  }

 private:
  ChildServerOptions options_;
  TcpProxy to_evaluator_;
  std::unique_ptr<TcpProxy> to_server_;
  std::unique_ptr<ChildServer> server_;
  std::mt19937_64 random_;
  int troubles_ = 0;
  std::map<std::string, int> happened_;
};

// What all streams report, from their threads.
class Tally {
 public:
  void Add(const Workload& workload, const absl::StatusOr<Replayed>& run, const Replayed& quiet) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!run.ok()) return Fail(run.status().ToString());
    answers_ += static_cast<int64_t>(run->answers.size());
    asked_again_ += run->asked_again;
    ++runs_;
    for (const std::string& key : Differences(quiet, *run)) {
      Fail(absl::StrCat(workload.name, ": ", key, " differs"));
    }
  }
  bool Print() const {
    std::printf(
        "runs %lld count\nanswers_compared %lld count\nasked_again %lld count\n"
        "wrong %lld count\n",
        static_cast<long long>(runs_), static_cast<long long>(answers_),
        static_cast<long long>(asked_again_), static_cast<long long>(wrong_));
    return wrong_ == 0 && answers_ > 0;
  }

 private:
  void Fail(const std::string& what) {
    if (++wrong_ <= 20) std::fprintf(stderr, "wrong: %s\n", what.c_str());
  }
  std::mutex mutex_;
  int64_t runs_ = 0;
  int64_t answers_ = 0;
  int64_t asked_again_ = 0;
  int64_t wrong_ = 0;
};

// Plays every workload on a thread of its own.
template <typename Play>
void OnAllStreams(const std::vector<Workload>& workloads, const Play& play) {
  std::vector<std::thread> threads;
  for (size_t i = 0; i < workloads.size(); ++i) threads.emplace_back([&play, i] { play(i); });
  for (std::thread& thread : threads) thread.join();
}

int Run() {
  const auto files = ReadSharedLogs();
  if (!files.ok() || files->empty()) {
    std::printf("skipped: %s\n", files.ok() ? "no logs" : files.status().ToString().c_str());
    return files.ok() ? kSkipped : 2;
  }
  const std::vector<Workload> workloads = MakeWorkloads(*files);
  const uint64_t seed = absl::GetFlag(FLAGS_seed);
  FaultyEvaluator evaluator(TeamValue, [](int64_t) { return Fault(); });
  Stage stage(&evaluator, seed);
  if (const absl::Status started = stage.Start(); !started.ok()) {
    std::fprintf(stderr, "%s\n", started.ToString().c_str());
    return 2;
  }
  Tally tally;
  std::vector<Replayed> quiet(workloads.size());
  OnAllStreams(workloads, [&](size_t i) {
    const auto client = ConnectAlone(stage.address());
    auto run = Replay(client.get(), workloads[i]);
    if (!run.ok()) return tally.Add(workloads[i], run, {});
    quiet[i] = *std::move(run);
  });
  size_t answers = 0;
  for (const Replayed& run : quiet) answers += run.answers.size();
  std::printf("seed %llu\nanswers_in_quiet %zu count\n", static_cast<unsigned long long>(seed),
              answers);
  std::fflush(stdout);

  const absl::Time end = absl::Now() + absl::Minutes(absl::GetFlag(FLAGS_minutes));
  std::atomic<bool> alive{true};
  std::thread trouble([&] {
    while (absl::Now() < end && alive) alive = stage.Befall();
  });
  const absl::Duration pause = absl::Seconds(1 / absl::GetFlag(FLAGS_rate));
  OnAllStreams(workloads, [&](size_t i) {
    const auto client = ConnectAlone(stage.address());
    do {
      tally.Add(workloads[i], Replay(client.get(), workloads[i], pause), quiet[i]);
    } while (absl::Now() < end && alive);
  });
  trouble.join();
  const bool stopped = alive && stage.Stop();
  stage.Print();
  return tally.Print() && stopped ? 0 : 1;
}

}  // namespace
}  // namespace assay::chaos

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  return assay::chaos::Run();
}
