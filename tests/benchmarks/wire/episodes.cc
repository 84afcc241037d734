#include "tests/benchmarks/wire/episodes.h"

#include <algorithm>
#include <random>
#include <string>

namespace assay::benchmarks {
namespace {

std::string Words(std::mt19937_64& rng, int bytes) {
  static constexpr const char* kSyllables[] = {"ba", "do",  "fi", "ku", "le",  "mo", "nar",
                                               "po", "qui", "ra", "so", "ten", "vu", "xi"};
  std::string text;
  while (static_cast<int>(text.size()) < bytes) {
    for (uint64_t k = 0; k <= rng() % 3; ++k) text += kSyllables[rng() % 14];
    text += ' ';
  }
  text.resize(std::max(bytes, 0));
  return text;
}

}  // namespace

v1::Episode MakeEpisode(const EpisodeShape& shape, int64_t index) {
  std::mt19937_64 rng(index + 1);
  v1::Episode episode;
  episode.set_id(std::to_string(index));
  episode.mutable_task()->set_prompt("Which option is right?");
  episode.mutable_task()->set_reference_answer("B");
  for (int i = 0; i < shape.agents; ++i) {
    episode.add_agents()->set_id("agent" + std::to_string(i));
  }
  for (int t = 0; t < shape.messages; ++t) {
    v1::Message* message = episode.add_messages();
    message->set_agent_id(episode.agents(t % shape.agents).id());
    message->set_round(1 + t / shape.agents);
    message->set_answer(rng() % 3 == 0 ? "A" : "B");
    if (shape.given_redundancy) message->set_redundancy(0.125 * (rng() % 8));
  }
  const int missing = shape.bytes - static_cast<int>(episode.ByteSizeLong());
  const int each = std::max(0, missing / std::max(shape.messages, 1) - 4);
  for (v1::Message& message : *episode.mutable_messages()) message.set_content(Words(rng, each));
  return episode;
}

}  // namespace assay::benchmarks
