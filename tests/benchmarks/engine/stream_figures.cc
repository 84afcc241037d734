// Figures of a whole server, its evaluator and its client in one process, through gRPC; each
// printed as `NAME VALUE UNIT`:
//   stream_outstanding_mib  memory of 10,000 questions that a caller was asked and has not answered
//   stream_cancel_ms        10,000 questions to a remote evaluator, 256 calls at a time: from
//                           cancelling the stream until the last call was seen to end
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/chaos/faulty_evaluator.h"
#include "tests/integration/harness.h"

namespace assay {
namespace {

constexpr int kEpisodes = 10;
constexpr int kQuestionsEach = 1000;
constexpr int kRounds = 5;
constexpr int kCalls = 256;

double MemoryMib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmRSS", 0) == 0)
      return std::atof(line.substr(line.find(':') + 1).c_str()) / 1024;
  }
  return 0;
}

v1::Episode Team(int index) {
  v1::Episode episode;
  episode.set_id(absl::StrCat("episode-", index));
  for (int i = 0; i < 12; ++i) {
    episode.add_agents()->set_id(absl::StrCat("agent-", i));
    v1::Message* message = episode.add_messages();
    message->set_agent_id(absl::StrCat("agent-", i));
    message->set_content("a step");
  }
  return episode;
}

// All questions of an episode in one stage.
v1::AttributionOptions Options() {
  v1::AttributionOptions options;
  options.mutable_estimator()->set_method(v1::METHOD_LEVERAGE);
  options.mutable_estimator()->set_max_questions(kQuestionsEach);
  return options;
}

void Open(testing::TestStream* stream, const v1::AttributionOptions& options) {
  if (!stream->SendOptions(options) || !stream->Next().has_ready()) std::abort();
  for (int k = 0; k < kEpisodes; ++k) {
    if (!stream->SendEpisode(Team(k))) std::abort();
  }
}

void Memory() {
  testing::TestServer server(testing::LocalConfig());
  const auto stub = server.Stub();
  testing::TestStream stream(stub.get());
  v1::AttributionOptions options = Options();
  options.mutable_caller()->set_batch_size(1);
  const double before = MemoryMib();
  Open(&stream, options);
  std::vector<v1::StreamSignalsResponse> asked;
  while (asked.size() < kEpisodes * kQuestionsEach) {
    asked.push_back(stream.Next());
    if (!asked.back().has_evaluate()) std::abort();
  }
  std::printf("stream_outstanding_mib %.1f MiB\n", MemoryMib() - before);
  std::fflush(stdout);
  stream.Cancel();
  stream.Finish();
}

void Cancel() {
  chaos::FaultyEvaluator silent([](const std::vector<int>&) { return 0.0; },
                                [](int64_t) {
                                  chaos::Fault fault;
                                  fault.latency = absl::Hours(1);
                                  return fault;
                                });
  runtime::Config config = testing::LocalConfig();
  evaluation::RemoteOptions& remote = config.remotes.emplace_back();
  remote.name = "silent";
  remote.endpoints = {absl::StrCat("127.0.0.1:", silent.port())};
  remote.policy.bounds = {.batch_size = 1, .max_calls = kCalls};
  testing::TestServer server(config);
  const auto stub = server.Stub();
  v1::AttributionOptions options = Options();
  options.mutable_named()->set_name("silent");
  std::vector<double> times;
  while (times.size() < kRounds) {
    const int64_t before = silent.calls();
    testing::TestStream stream(stub.get());
    Open(&stream, options);
    const std::string outstanding = "assay_questions_outstanding";
    while (silent.calls() < before + kCalls ||
           server.Metric(outstanding) < kEpisodes * kQuestionsEach) {
      absl::SleepFor(absl::Milliseconds(1));
    }
    const absl::Time start = absl::Now();
    stream.Cancel();
    while (silent.cancelled() < silent.calls()) absl::SleepFor(absl::Microseconds(100));
    times.push_back(absl::ToDoubleMilliseconds(absl::Now() - start));
    stream.Finish();
    while (server.Metric(outstanding) > 0) absl::SleepFor(absl::Milliseconds(1));
  }
  std::sort(times.begin(), times.end());
  std::printf("stream_cancel_ms %.1f ms\n", times[kRounds / 2]);
}

}  // namespace
}  // namespace assay

int main() {
  assay::Memory();
  assay::Cancel();
}
