// Is the posterior as sure as it may be? Expected calibration error of the likeliest first error in
// simulated episodes, and precision and recall of repairs. Prints one line a figure.
#include "tests/simulation/blame/calibration.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "server/blame/em.h"
#include "server/blame/labels.h"
#include "server/blame/search.h"
#include "tests/simulation/blame/rollout_world.h"

namespace assay::blame {
namespace {

constexpr int kFitEpisodes = 300;

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
    std::vector<Answer> answers;
    for (const Question& question : search.ask()) {
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

Evidence MakeEvidence(const Setting& setting, uint64_t seed, World& world) {
  SplitMix random(seed);
  world = MakeWorld(setting.messages, random);
  Evidence evidence = EvidenceOf(world);
  if (setting.scores) evidence.scores = ScoreWorld(world, 0.85, 0.63, random);
  if (setting.everywhere > 0) RollOut(world, setting.everywhere, evidence, random);
  if (setting.search > 0) SearchFor(world, setting.search, evidence, random);
  return evidence;
}

// Parameters from other episodes of the same kind, their labels unknown.
Parameters Fitted(const Setting& setting) {
  std::vector<Evidence> episodes;
  World world;
  for (int i = 0; i < kFitEpisodes; ++i) {
    episodes.push_back(MakeEvidence(setting, 0xf17000u + static_cast<uint64_t>(i), world));
  }
  Parameters start;
  // As `assay fit` does where there are rollouts.
  if (setting.everywhere > 0) start.shared_level = 0.5;
  return FitParameters(episodes, start, {.tolerance = 1e-5}).value().parameters;
}

void Calibrate(const Setting& setting, const char* how, const Parameters& parameters,
               int episodes) {
  Calibration likeliest;
  double covered = 0, exact = 0, found = 0, right = 0, there = 0;
  for (int i = 0; i < episodes; ++i) {
    World world;
    const Evidence evidence = MakeEvidence(setting, 0xca11b000u + static_cast<uint64_t>(i), world);
    const Posterior p = ComputePosterior(evidence, parameters);
    likeliest.Add(p.first[p.likeliest_first], p.likeliest_first == world.first_error);
    exact += p.likeliest_first == world.first_error;
    covered += std::count(p.credible_set.begin(), p.credible_set.end(), world.first_error) > 0;
    const auto labels = AssignLabels(evidence, p);
    there += world.repair >= 0;
    for (int t = 0; t < world.messages(); ++t) {
      found += labels[t] == Label::kRepair;
      right += labels[t] == Label::kRepair && t == world.repair;
    }
  }
  std::printf("calibration_error_%s_%s %.3f (exact %.1f, credible 80 covers %.1f percent)\n",
              setting.name, how, likeliest.Error(), 100 * exact / episodes,
              100 * covered / episodes);
  if (setting.everywhere > 0 && found > 0) {
    std::printf("repairs_%s_%s precision %.3f recall %.3f of %.0f\n", setting.name, how,
                right / found, right / there, there);
  }
}

}  // namespace
}  // namespace assay::blame

int main(int argc, char** argv) {
  const int episodes = argc > 1 ? std::atoi(argv[1]) : 1500;
  const assay::blame::Setting settings[] = {
      {"scores_T16", 16, 0, 0, true},           {"scores_T64", 64, 0, 0, true},
      {"rollouts2_T16", 16, 2, 0, false},       {"rollouts4_T16", 16, 4, 0, false},
      {"rollouts8_T16", 16, 8, 0, false},       {"rollouts8_T32", 32, 8, 0, false},
      {"rollouts8_scores_T16", 16, 8, 0, true}, {"search24_T64", 64, 0, 24, false},
      {"search48_T64", 64, 0, 48, false},
  };
  for (const auto& setting : settings) {
    assay::blame::Calibrate(setting, "default", {}, episodes);
    assay::blame::Calibrate(setting, "fitted", assay::blame::Fitted(setting), episodes);
  }
}
