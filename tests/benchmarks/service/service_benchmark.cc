// What an episode of the wire benchmark costs between the bytes that come in and those that go out,
// step by step and without gRPC or threads.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "assay/v1/signal_service.pb.h"
#include "server/audit/result.h"
#include "server/evaluation/evaluator.h"
#include "server/session/groups.h"
#include "server/signals/attribution.h"
#include "server/wire/limits.h"
#include "tests/benchmarks/service/requests.h"
#include "tests/unit/session/episodes.h"

namespace assay::benchmarks {
namespace {

using service::Attribute;
using service::EpisodeWork;

std::shared_ptr<v1::StreamSignalsRequest> Parse(const std::string& bytes) {
  auto request = std::make_shared<v1::StreamSignalsRequest>();
  if (!request->ParseFromString(bytes)) std::abort();
  return request;
}

void BM_Parse(benchmark::State& state) {
  const auto requests = Requests(static_cast<int>(state.range(0)));
  size_t k = 0;
  for (auto _ : state) benchmark::DoNotOptimize(Parse(requests[k++ % requests.size()]));
}
BENCHMARK(BM_Parse)->Arg(4096)->Arg(65536);

void BM_Accept(benchmark::State& state) {
  const auto options = Options(false);
  const auto request = Parse(Requests(static_cast<int>(state.range(0))).front());
  for (auto _ : state) benchmark::DoNotOptimize(Accept(request, options));
}
BENCHMARK(BM_Accept)->Arg(4096)->Arg(65536);

void BM_Attribute(benchmark::State& state) {
  const auto options = Options(state.range(0) != 0);
  std::vector<EpisodeWork> works;
  for (const std::string& bytes : Requests(4096)) works.push_back(Accept(Parse(bytes), options));
  size_t k = 0;
  for (auto _ : state) benchmark::DoNotOptimize(Attribute(works[k++ % works.size()]));
}
BENCHMARK(BM_Attribute)->ArgName("full_audit")->Arg(0)->Arg(1);

void BM_MakeResult(benchmark::State& state) {
  const auto options = Options(state.range(0) != 0);
  const EpisodeWork work = Accept(Parse(Requests(4096).front()), options);
  const signals::Signals signals = *Attribute(work);
  for (auto _ : state) benchmark::DoNotOptimize(service::MakeResult(work, signals));
}
BENCHMARK(BM_MakeResult)->ArgName("full_audit")->Arg(0)->Arg(1);

void BM_Serialise(benchmark::State& state) {
  const EpisodeWork work = Accept(Parse(Requests(4096).front()), Options(state.range(0) != 0));
  const v1::EpisodeResult result = service::MakeResult(work, Attribute(work));
  std::string bytes;
  for (auto _ : state) {
    result.SerializeToString(&bytes);
    benchmark::DoNotOptimize(bytes);
  }
  state.counters["bytes"] = static_cast<double>(bytes.size());
}
BENCHMARK(BM_Serialise)->ArgName("full_audit")->Arg(0)->Arg(1);

// All of it.
void BM_Episode(benchmark::State& state) {
  const auto options = Options(state.range(1) != 0);
  const auto requests = Requests(static_cast<int>(state.range(0)));
  size_t k = 0;
  for (auto _ : state) {
    const EpisodeWork work = Accept(Parse(requests[k++ % requests.size()]), options);
    const v1::EpisodeResult result = service::MakeResult(work, Attribute(work));
    benchmark::DoNotOptimize(result.SerializeAsString());
  }
}
BENCHMARK(BM_Episode)
    ->ArgNames({"bytes", "full_audit"})
    ->Args({4096, 0})
    ->Args({4096, 1})
    ->Args({65536, 0});

// A vote in one round, of so many agents.
v1::Episode OneRound(int agents, int index, int size) {
  EpisodeShape shape;
  shape.agents = agents;
  shape.messages = agents;
  v1::Episode episode = MakeEpisode(shape, index);
  for (v1::Message& message : *episode.mutable_messages()) message.set_round(1);
  episode.mutable_group()->set_id("group");
  episode.mutable_group()->set_size(size);
  return episode;
}

// All that a group of votes takes beside its episodes: what is kept of them, the votes of its
// teams, advantages, pairs, and the bytes that go out.
void BM_Group(benchmark::State& state) {
  const auto size = static_cast<int>(state.range(0));
  const auto options = Options(false);
  std::vector<EpisodeWork> works;
  std::vector<v1::EpisodeResult> results;
  for (int k = 0; k < size; ++k) {
    auto request = std::make_shared<v1::StreamSignalsRequest>();
    *request->mutable_episode() = OneRound(static_cast<int>(state.range(1)), k, size);
    works.push_back(Accept(request, options));
    results.push_back(service::MakeResult(works.back(), Attribute(works.back())));
  }
  double values = 0;
  for (auto _ : state) {
    service::Groups groups(options, service::Limits(), absl::ZeroDuration(), int64_t{1} << 30);
    for (const EpisodeWork& work : works) {
      if (!groups.Join(*work.episode, &work, absl::UnixEpoch()).ok()) std::abort();
    }
    for (const v1::EpisodeResult& result : results) {
      groups.Answered("group", result.episode_id(), &result.signals(), absl::UnixEpoch());
    }
    const service::GroupWork work = std::move(groups.TakeReady().at(0));
    v1::GroupResult result;
    service::MakeResult(work, service::Recombine(work), &result);
    values = result.signals().episodes(0).recombined_size();
    benchmark::DoNotOptimize(result.SerializeAsString());
  }
  if (values == 0) std::abort();
}
BENCHMARK(BM_Group)->ArgNames({"episodes", "agents"})->Args({16, 7})->Args({64, 7})->Args({64, 8});

}  // namespace
}  // namespace assay::benchmarks

BENCHMARK_MAIN();
