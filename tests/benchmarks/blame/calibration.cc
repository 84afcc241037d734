// Is the posterior as sure as it may be? Expected calibration error of the likeliest first error in
// simulated episodes, and precision and recall of repairs. Prints one line a figure.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "server/blame/labels.h"
#include "server/blame/search.h"
#include "tests/simulation/blame/rollout_world.h"

namespace assay::blame {
namespace {

constexpr int kBins = 10;

// Guo et al. 2017: bins of equal width, mean of |share right - mean confidence| by their size.
class Calibration {
 public:
  void Add(double confidence, bool right) {
    const int bin = std::min(kBins - 1, static_cast<int>(confidence * kBins));
    count_[bin] += 1;
    confidence_[bin] += confidence;
    right_[bin] += right;
  }

  double Error() const {
    double error = 0, all = 0;
    for (int i = 0; i < kBins; ++i) {
      error += std::fabs(right_[i] - confidence_[i]);
      all += count_[i];
    }
    return error / all;
  }

 private:
  std::array<double, kBins> count_{}, confidence_{}, right_{};
};

void RollOut(const World& world, int rollouts, Evidence& evidence, SplitMix& random) {
  evidence.nodes.resize(world.messages() + 1);
  for (int j = 0; j < world.messages(); ++j) {
    for (int i = 0; i < rollouts; ++i)
      evidence.nodes[j].successes += random.Chance(world.success[j]);
    evidence.nodes[j].trials += rollouts;
  }
}

void SearchFor(const World& world, int rollouts, Evidence& evidence, SplitMix& random) {
  FirstErrorSearch search(std::move(evidence), {}, {}, {.max_rollouts = rollouts});
  while (!search.done()) {
    std::vector<SearchAnswer> answers;
    for (const SearchQuestion& question : search.ask()) {
      double successes = 0;
      for (int i = 0; i < question.samples; ++i) {
        successes += random.Chance(world.success[question.index]);
      }
      answers.push_back({.mean = successes / question.samples, .samples = question.samples});
    }
    if (!search.tell(answers).ok()) std::abort();
  }
  evidence = search.evidence();
}

struct Setting {
  const char* name;
  int messages;
  int everywhere;  // rollouts a node
  int search;      // rollouts of an active search
  bool scores;
};

void Calibrate(const Setting& setting, int episodes) {
  Calibration likeliest, each;
  double covered = 0;
  for (int i = 0; i < episodes; ++i) {
    SplitMix random(0xca11b000u + static_cast<uint64_t>(i));
    const World world = MakeWorld(setting.messages, random);
    Evidence evidence = EvidenceOf(world);
    if (setting.scores) evidence.scores = ScoreWorld(world, 0.85, 0.63, random);
    if (setting.everywhere > 0) RollOut(world, setting.everywhere, evidence, random);
    if (setting.search > 0) SearchFor(world, setting.search, evidence, random);
    const Posterior p = ComputePosterior(evidence);
    likeliest.Add(p.first[p.likeliest_first], p.likeliest_first == world.first_error);
    for (int t = 0; t < world.messages(); ++t) each.Add(p.first[t], t == world.first_error);
    covered += std::count(p.credible_set.begin(), p.credible_set.end(), world.first_error) > 0;
  }
  std::printf(
      "calibration_error_%s %.3f (of every message %.4f, credible 80 covers %.1f percent)\n",
      setting.name, likeliest.Error(), each.Error(), 100 * covered / episodes);
}

void Repairs(int messages, int rollouts, int episodes) {
  double found = 0, right = 0, there = 0;
  for (int i = 0; i < episodes; ++i) {
    SplitMix random(0x2e9a1200u + static_cast<uint64_t>(i));
    const World world = MakeWorld(messages, random);
    Evidence evidence = EvidenceOf(world);
    RollOut(world, rollouts, evidence, random);
    const auto labels = AssignLabels(evidence, ComputePosterior(evidence));
    there += world.repair >= 0;
    for (int t = 0; t < messages; ++t) {
      if (labels[t] != Label::kRepair) continue;
      ++found;
      right += t == world.repair;
    }
  }
  std::printf("repairs_T%d_%d precision %.3f recall %.3f of %.0f\n", messages, rollouts,
              right / found, right / there, there);
}

}  // namespace
}  // namespace assay::blame

int main(int argc, char** argv) {
  using assay::blame::Calibrate;
  const int episodes = argc > 1 ? std::atoi(argv[1]) : 2000;
  Calibrate({"scores_T16", 16, 0, 0, true}, episodes);
  Calibrate({"scores_T64", 64, 0, 0, true}, episodes);
  Calibrate({"rollouts1_T16", 16, 1, 0, false}, episodes);
  Calibrate({"rollouts2_T16", 16, 2, 0, false}, episodes);
  Calibrate({"rollouts8_T16", 16, 8, 0, false}, episodes);
  Calibrate({"rollouts8_scores_T16", 16, 8, 0, true}, episodes);
  Calibrate({"search12_T64", 64, 0, 12, false}, episodes);
  Calibrate({"search24_T64", 64, 0, 24, false}, episodes);
  Calibrate({"search48_T64", 64, 0, 48, false}, episodes);
  Calibrate({"search24_scores_T64", 64, 0, 24, true}, episodes / 2);
  for (const int messages : {8, 16, 32}) {
    for (const int rollouts : {4, 8, 16}) assay::blame::Repairs(messages, rollouts, episodes);
  }
}
