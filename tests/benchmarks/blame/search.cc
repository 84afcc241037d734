// Active search for the first error in simulated episodes, beside plain bisection and the largest
// drop. Prints one line a figure: share of episodes in which the very message was found, in
// percent.
#include "server/blame/search.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "tests/simulation/blame/rollout_world.h"

namespace assay::blame {
namespace {

constexpr double kAuc = 0.85;
constexpr double kPropagated = 0.63;

double Toss(const World& world, int node, int rollouts, SplitMix& random) {
  int successes = 0;
  for (int i = 0; i < rollouts; ++i) successes += random.Chance(world.success[node]);
  return static_cast<double>(successes) / rollouts;
}

int Search(const World& world, Evidence evidence, int rollouts, int batch, SplitMix& random) {
  FirstErrorSearch search(std::move(evidence), {}, {},
                          {.max_rollouts = rollouts, .batch = batch, .settled = 1});
  while (!search.done()) {
    std::vector<SearchAnswer> answers;
    for (const SearchQuestion& question : search.ask()) {
      const double mean = Toss(world, question.index, question.samples, random);
      answers.push_back({.mean = mean, .samples = question.samples});
    }
    if (!search.tell(answers).ok()) std::abort();
  }
  return ComputePosterior(search.evidence()).likeliest_first;
}

// Believes each majority: the interval in which success was lost is halved until it is one message.
int Bisect(const World& world, int rollouts, SplitMix& random) {
  int high = 0, low = world.messages();
  int left = rollouts;
  while (low - high > 1) {
    const int steps = static_cast<int>(std::ceil(std::log2(low - high)));
    const int share = std::max(1, left / std::max(1, steps));
    if (left < share) break;
    left -= share;
    const int middle = (high + low) / 2;
    (Toss(world, middle, share, random) > 0.375 ? high : low) = middle;
  }
  return high;
}

// Spreads the rollouts over the nodes and takes the message with the largest drop of the mean.
int LargestDrop(const World& world, int rollouts, SplitMix& random) {
  const int nodes = std::min(rollouts, world.messages() - 1);
  int best = 0, previous_node = 0;
  double previous = 0.67, largest = -1;
  for (int i = 1; i <= nodes; ++i) {
    const int node = i * world.messages() / (nodes + 1);
    const double mean = Toss(world, node, rollouts / nodes, random);
    if (previous - mean > largest) {
      largest = previous - mean;
      best = (previous_node + node) / 2;
    }
    previous = mean;
    previous_node = node;
  }
  return best;
}

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

void MeasureLength(int messages, int episodes) {
  for (const int rollouts : {12, 24, 48}) {
    const auto active = [&](int batch, double auc, double propagated) {
      return [=](const World& world, SplitMix& random) {
        Evidence evidence = EvidenceOf(world);
        if (auc > 0) evidence.scores = ScoreWorld(world, auc, propagated, random);
        return Search(world, std::move(evidence), rollouts, batch, random);
      };
    };
    Measure("search", messages, rollouts, episodes, active(1, 0, 0));
    Measure("search_batch4", messages, rollouts, episodes, active(4, 0, 0));
    Measure("search_scores", messages, rollouts, episodes, active(1, kAuc, kPropagated));
    Measure("bisection", messages, rollouts, episodes,
            [&](const World& w, SplitMix& r) { return Bisect(w, rollouts, r); });
    Measure("largest_drop", messages, rollouts, episodes,
            [&](const World& w, SplitMix& r) { return LargestDrop(w, rollouts, r); });
  }
}

}  // namespace
}  // namespace assay::blame

int main(int argc, char** argv) {
  const int episodes = argc > 1 ? std::atoi(argv[1]) : 1000;
  for (const int messages : {16, 32, 64, 128}) assay::blame::MeasureLength(messages, episodes);
}
