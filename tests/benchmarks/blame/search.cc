// Active search for the first error in simulated episodes, beside plain bisection and the largest
// drop. Prints one line a figure: share of episodes in which the very message was found, in
// percent.
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "server/blame/em.h"
#include "tests/simulation/blame/finders.h"

namespace assay::blame {
namespace {

constexpr int kFitEpisodes = 200;
constexpr double kAuc = 0.85;
constexpr double kPropagated = 0.63;

template <typename Find>
void Measure(const char* name, int messages, int rollouts, int episodes, Find find) {
  int exact = 0;
  for (int i = 0; i < episodes; ++i) {
    SplitMix random(0x5eed0000u + static_cast<uint64_t>(i));
    const World world = MakeWorld(messages, random);
    exact += find(world, random) == world.first_error;
  }
  std::printf("%s_T%d_%d %.1f percent\n", name, messages, rollouts, 100.0 * exact / episodes);
  std::fflush(stdout);
}

// By EM from other episodes of this length, with scores and two rollouts a node, without labels.
Parameters Fitted(int messages) {
  std::vector<Evidence> episodes;
  for (int i = 0; i < kFitEpisodes; ++i) {
    SplitMix random(0xf1700000u + static_cast<uint64_t>(i));
    const World world = MakeWorld(messages, random);
    Evidence evidence = EvidenceOf(world);
    evidence.scores = ScoreWorld(world, kAuc, kPropagated, random);
    evidence.nodes.resize(messages + 1);
    for (int j = 0; j < messages; ++j) {
      for (int k = 0; k < 2; ++k) evidence.nodes[j].successes += random.Chance(world.success[j]);
      evidence.nodes[j].trials = 2;
    }
    episodes.push_back(std::move(evidence));
  }
  Parameters start;
  start.shared_level = 0.5;
  return FitParameters(episodes, start, {.tolerance = 1e-5}).value().parameters;
}

void MeasureLength(int messages, int episodes) {
  const Parameters fitted = Fitted(messages);
  for (const int rollouts : {12, 24, 48}) {
    const auto active = [&](int batch, double auc, double propagated,
                            const Parameters& parameters = {}) {
      return [=](const World& world, SplitMix& random) {
        Evidence evidence = EvidenceOf(world);
        if (auc > 0) evidence.scores = ScoreWorld(world, auc, propagated, random);
        return SearchFirstError(world, std::move(evidence), rollouts, batch, random, parameters);
      };
    };
    Measure("search", messages, rollouts, episodes, active(1, 0, 0));
    Measure("search_batch4", messages, rollouts, episodes, active(4, 0, 0));
    Measure("search_scores", messages, rollouts, episodes, active(1, kAuc, kPropagated));
    Measure("search_fitted", messages, rollouts, episodes, active(1, 0, 0, fitted));
    Measure("search_scores_fitted", messages, rollouts, episodes,
            active(1, kAuc, kPropagated, fitted));
    Measure("bisection", messages, rollouts, episodes,
            [&](const World& w, SplitMix& r) { return BisectFirstError(w, rollouts, r); });
    Measure("largest_drop", messages, rollouts, episodes,
            [&](const World& w, SplitMix& r) { return LargestDrop(w, rollouts, r); });
  }
}

}  // namespace
}  // namespace assay::blame

int main(int argc, char** argv) {
  const int episodes = argc > 1 ? std::atoi(argv[1]) : 1000;
  const int only = argc > 2 ? std::atoi(argv[2]) : 0;
  for (const int messages : {16, 32, 64, 128}) {
    if (only == 0 || only == messages) assay::blame::MeasureLength(messages, episodes);
  }
}
