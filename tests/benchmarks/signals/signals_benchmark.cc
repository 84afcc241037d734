// The attribution of one episode without a wire: where the service's own time goes.
#include <benchmark/benchmark.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "server/evaluation/evaluators/vote_replay.h"
#include "server/signals/advantages.h"
#include "server/signals/attribution.h"
#include "server/signals/redundancy.h"
#include "tests/benchmarks/attribute.h"

namespace assay {
namespace {

using signals::Episode;

struct Debate {
  std::vector<std::string> texts;
  std::shared_ptr<evaluation::EpisodeContext> context;
};

std::string Words(std::mt19937_64& rng, int bytes) {
  std::string text;
  while (static_cast<int>(text.size()) < bytes) {
    for (uint64_t k = 0; k < 2 + rng() % 8; ++k) text += static_cast<char>('a' + rng() % 26);
    text += ' ';
  }
  return text;
}

Debate MakeDebate(int agents, int messages, int bytes_a_message, bool given_redundancy) {
  static constexpr const char* kIds = "abcdefghijklmnopqrstuvwxyzABCDEF";  // at most 32 agents
  std::mt19937_64 rng(1);
  Debate debate;
  debate.context = std::make_shared<evaluation::EpisodeContext>();
  Episode& episode = debate.context->episode;
  episode.id = "debate";
  episode.reference_answer = "B";
  for (int i = 0; i < agents; ++i) {
    const absl::string_view id(kIds + i, 1);
    episode.agents.push_back({id, "", id});
  }
  for (int t = 0; t < messages; ++t) debate.texts.push_back(Words(rng, bytes_a_message));
  for (int t = 0; t < messages; ++t) {
    signals::Message m;
    m.agent = t % agents;
    m.round = 1 + t / agents;
    m.content = debate.texts[t];
    m.answer = rng() % 3 == 0 ? "A" : "B";
    if (given_redundancy) m.redundancy = 0.25;
    episode.messages.push_back(m);
  }
  return debate;
}

signals::Signals Attribute(const Debate& debate, const evaluation::LocalEvaluator& vote,
                           const signals::Options& options) {
  return benchmarks::Attribute(debate.context, options, vote.traits(), vote);
}

// 4 agents, 8 messages with answers: the episode of the wire benchmark.
void BM_Debate(benchmark::State& state) {
  const Debate debate = MakeDebate(4, 8, 480, true);
  const auto vote = evaluation::MakeVoteReplay({});
  const signals::Options options;
  for (auto _ : state) benchmark::DoNotOptimize(Attribute(debate, *vote, options));
}
BENCHMARK(BM_Debate);

void BM_Redundancy(benchmark::State& state) {
  const Debate debate = MakeDebate(4, 8, static_cast<int>(state.range(0)) / 8, false);
  for (auto _ : state) {
    benchmark::DoNotOptimize(signals::Redundancies(debate.context->episode, true));
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Redundancy)->Arg(4096)->Arg(65536)->Arg(1 << 20);

// Cost by number of messages; a failure, so that the posterior is part of it.
void BM_Messages(benchmark::State& state) {
  Debate debate = MakeDebate(4, static_cast<int>(state.range(0)), 64, true);
  debate.context->episode.score = 0;
  for (signals::Message& m : debate.context->episode.messages) m.process_score = 0.1;
  const auto vote = evaluation::MakeVoteReplay({});
  const signals::Options options;
  for (auto _ : state) benchmark::DoNotOptimize(Attribute(debate, *vote, options));
  state.SetComplexityN(state.range(0));
}
BENCHMARK(BM_Messages)->RangeMultiplier(4)->Range(8, 65536);

// Cost by number of agents with one message each, exact.
void BM_ExactAgents(benchmark::State& state) {
  const auto agents = static_cast<int>(state.range(0));
  const Debate debate = MakeDebate(agents, agents, 64, true);
  const auto vote = evaluation::MakeVoteReplay({});
  const signals::Options options;
  for (auto _ : state) benchmark::DoNotOptimize(Attribute(debate, *vote, options));
}
BENCHMARK(BM_ExactAgents)->DenseRange(12, 20, 2);

// Cost by number of questions, sampled: 32 agents, by the plain mean over orders.
void BM_SampledQuestions(benchmark::State& state) {
  const Debate debate = MakeDebate(32, 32, 64, true);
  const auto vote = evaluation::MakeVoteReplay({});
  signals::Options options;
  options.estimator.method = credit::Method::kPermutation;
  options.estimator.max_questions = static_cast<int>(state.range(0));
  options.message_rewards.evidence = signals::EvidenceKind::kEqual;
  for (auto _ : state) benchmark::DoNotOptimize(Attribute(debate, *vote, options));
}
BENCHMARK(BM_SampledQuestions)->RangeMultiplier(2)->Range(1024, 16384);

// Advantages of a group by number of episodes with 16 messages each of 4 agents, every part from
// what costs most: a control, credits with standard errors.
void BM_Advantages(benchmark::State& state) {
  std::mt19937_64 rng(1);
  std::uniform_real_distribution<double> unit(0, 1);
  std::vector<signals::GroupMember> members(state.range(0));
  std::vector<const signals::GroupMember*> group;
  for (signals::GroupMember& member : members) {
    member.score = unit(rng);
    member.owen_values = true;
    for (const char* id : {"planner", "searcher", "checker", "writer"}) {
      signals::MemberAgent& agent = member.agents.emplace_back();
      agent.id = agent.policy = id;
      agent.credit = unit(rng) - 0.5;
      agent.std_error = 0.1 * unit(rng);
      agent.value_without = unit(rng);
    }
    for (int t = 0; t < 16; ++t) {
      signals::MemberMessage& message = member.messages.emplace_back();
      message.index = t;
      message.agent = t % 4;
      message.credit = unit(rng) - 0.5;
    }
    group.push_back(&member);
  }
  for (auto _ : state) benchmark::DoNotOptimize(signals::ComputeAdvantages(group, {}));
}
BENCHMARK(BM_Advantages)->Arg(8)->Arg(64)->Arg(1024)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace assay

BENCHMARK_MAIN();
