#include "tests/simulation/blame/finders.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

namespace assay::blame {
namespace {

double Toss(const World& world, int node, int rollouts, SplitMix& random) {
  int successes = 0;
  for (int i = 0; i < rollouts; ++i) successes += random.Chance(world.success[node]);
  return static_cast<double>(successes) / rollouts;
}

}  // namespace

int SearchFirstError(const World& world, Evidence evidence, int rollouts, int batch,
                     SplitMix& random, const Parameters& parameters) {
  FirstErrorSearch search(std::move(evidence), parameters, {},
                          {.max_rollouts = rollouts, .batch = batch, .settled = 1});
  while (!search.done()) {
    std::vector<Answer> answers;
    for (const Question& question : search.ask()) {
      const double mean = Toss(world, question.index, question.samples, random);
      answers.push_back({.mean = mean, .samples = question.samples});
    }
    if (!search.tell(answers).ok()) std::abort();
  }
  return ComputePosterior(search.evidence(), parameters).likeliest_first;
}

Decision SearchFlaky(const World& world, const SearchOptions& options, double flaky,
                     uint64_t seed) {
  FirstErrorSearch search(EvidenceOf(world), {}, {}, options);
  SplitMix failures(~seed);
  std::vector<uint64_t> made(world.success.size());
  while (!search.done()) {
    std::vector<Answer> answers;
    for (const Question& question : search.ask()) {
      Answer answer{.samples = question.samples};
      if (failures.Chance(flaky)) {
        answer.error = absl::UnavailableError("the container is gone");
      } else {
        SplitMix rollouts(seed + (made[question.index]++ << 32) + (uint64_t(question.index) << 16));
        answer.mean = Toss(world, question.index, question.samples, rollouts);
      }
      answers.push_back(answer);
    }
    if (!search.tell(answers).ok()) std::abort();
  }
  const Posterior posterior = ComputePosterior(search.evidence());
  return {.first = posterior.claimed_first,
          .decisive = posterior.claimed_decisive,
          .likeliest_first = posterior.likeliest_first,
          .probability = posterior.first[posterior.likeliest_first],
          .rollouts = search.rollouts(),
          .failed = search.failed_rollouts(),
          .failed_nodes = search.FailedNodes()};
}

int BisectFirstError(const World& world, int rollouts, SplitMix& random) {
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

}  // namespace assay::blame
