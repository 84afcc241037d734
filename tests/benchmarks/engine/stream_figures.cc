// Figures of a whole server, its evaluator and its client in one process, through gRPC; each
// printed as `NAME VALUE UNIT`:
//   stream_outstanding_mib  memory of 10,000 questions that a caller was asked and has not answered
//   stream_team_us          CPU that a question about a team takes, of 16 episodes of 8 agents,
//   asked
//                           of a caller 1,024 at a time: server and client together, beyond what
//                           the same group takes without its teams
//   stream_cancel_ms        10,000 questions to a remote evaluator, 256 calls at a time: from
//                           cancelling the stream until the last call was seen to end
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/evaluation/remote/remote.h"
#include "tests/benchmarks/rounds.h"
#include "tests/chaos/faulty_evaluator.h"
#include "tests/integration/harness.h"

namespace assay {
namespace {

constexpr int kEpisodes = 10;
constexpr int kQuestionsEach = 1000;
constexpr int kRounds = 5;
constexpr int kCalls = 256;
constexpr int kTeamAgents = 8;
constexpr int kTeamEpisodes = 16;
constexpr int kTeamRounds = 15;

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

double CpuSeconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

v1::Episode Member(int index, int size) {
  v1::Episode episode = Team(index);
  episode.mutable_agents()->DeleteSubrange(kTeamAgents, episode.agents_size() - kTeamAgents);
  episode.mutable_messages()->DeleteSubrange(kTeamAgents, episode.messages_size() - kTeamAgents);
  for (v1::Message& message : *episode.mutable_messages()) {
    message.set_content(absl::StrCat("step ", index, " of ", message.agent_id()));
    message.set_round(1);
  }
  episode.mutable_outcome()->set_score(index % 2);
  episode.mutable_group()->set_id("group");
  episode.mutable_group()->set_size(size);
  return episode;
}

// Answers whatever is asked by one half until the group is there; how many teams were asked about.
int Answer(testing::TestStream* stream) {
  int teams = 0;
  for (;;) {
    const v1::StreamSignalsResponse response = stream->Next();
    if (response.has_group()) return response.group().has_signals() ? teams : -1;
    if (!response.has_evaluate()) continue;
    v1::StreamSignalsRequest request;
    v1::EvaluateResponse* evaluation = request.mutable_evaluation();
    evaluation->set_evaluation_id(response.evaluate().evaluation_id());
    for (const v1::Question& question : response.evaluate().questions()) {
      teams += question.counterfactual().has_team() ? 1 : 0;
      evaluation->mutable_answers()->add_answers()->set_mean(0.5);
    }
    if (!stream->Send(request)) std::abort();
  }
}

// CPU of one group, and how many teams it asked about.
double GroupSeconds(v1::SignalService::Stub* stub, bool recombine, int* teams) {
  testing::TestStream stream(stub);
  v1::AttributionOptions options;
  options.mutable_caller()->add_supports(v1::QUESTION_KIND_COALITION);
  options.mutable_caller()->add_supports(v1::QUESTION_KIND_TEAM);
  options.mutable_caller()->set_free(true);
  options.mutable_caller()->set_batch_size(1024);
  if (!recombine) {
    options.mutable_advantages()->mutable_recombination()->set_mode(v1::RECOMBINATION_MODE_OFF);
  }
  if (!stream.SendOptions(options) || !stream.Next().has_ready()) std::abort();
  const double start = CpuSeconds();
  for (int k = 0; k < kTeamEpisodes; ++k) {
    if (!stream.SendEpisode(Member(k, kTeamEpisodes))) std::abort();
  }
  *teams = Answer(&stream);
  const double spent = CpuSeconds() - start;
  stream.Cancel();
  stream.Finish();
  return spent;
}

void Teams() {
  testing::TestServer server(testing::LocalConfig());
  const auto stub = server.Stub();
  std::vector<double> each;
  for (int round = 0; round < kTeamRounds; ++round) {
    int teams = 0, none = 0;
    const double without = GroupSeconds(stub.get(), false, &none);
    const double with = GroupSeconds(stub.get(), true, &teams);
    if (none != 0 || teams != kTeamAgents * kTeamEpisodes * (kTeamEpisodes - 1)) std::abort();
    each.push_back(1e6 * (with - without) / teams);
  }
  benchmarks::PrintMedian("stream_team_us", std::move(each), "us");
}

void Cancel() {
  chaos::FaultyEvaluator silent([](const std::vector<int>&) { return 0.0; },
                                [](int64_t) {
                                  chaos::Fault fault;
                                  fault.latency = absl::Hours(1);
                                  return fault;
                                });
  runtime::Config config = testing::LocalConfig();
  evaluation::RemoteOptions remote;
  remote.name = "silent";
  remote.endpoints = {absl::StrCat("127.0.0.1:", silent.port())};
  remote.policy.bounds = {.batch_size = 1, .max_calls = kCalls};
  if (!config.evaluators.Add(evaluation::NamedRemote(remote)).ok()) return;
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
  benchmarks::PrintMedian("stream_cancel_ms", std::move(times), "ms");
}

}  // namespace
}  // namespace assay

int main() {
  assay::Memory();
  assay::Teams();
  assay::Cancel();
}
