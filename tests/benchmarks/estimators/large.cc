// OddBayes at 24 to 64 agents and 8 questions an agent, on games whose Shapley values are known,
// beside the best of the public estimators in ANCHORS (large_anchors.csv) and of the other methods
// of this library: LeverageSHAP, KernelSHAP, permutations alone and in pairs. Of each of three
// games a family 10 seeds; a cell is a family and a number of agents.
//   estimators_large_win_share  cells in which OddBayes has the least mean squared error
//   estimators_large_gain       the best other's error over that of OddBayes, geometric mean
//   estimators_large_ms         CPU of an estimate of OddBayes, mean of the slowest cell
// Usage: large_estimators ANCHORS, or FAMILY N SEED for such a game, which others play
// (large_public.py): it prints the Shapley values and the range in a line each, then the value of
// each set that it reads as a number.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "tests/benchmarks/estimators/anchors.h"
#include "tests/benchmarks/estimators/large_games.h"
#include "tests/benchmarks/estimators/trial.h"

namespace assay::benchmarks {
namespace {

using credit::Method;

constexpr int kGames = 3;
constexpr int kSeeds = 10;
constexpr int kQuestionsAnAgent = 8;
constexpr Method kOthers[] = {Method::kLeverage, Method::kKernel, Method::kAntithetic,
                              Method::kPermutation};

struct Score {
  double error = 0;
  double milliseconds = 0;
};

Score Run(const std::vector<Game>& games, Method method) {
  Score score;
  for (const Game& game : games) {
    for (int seed = 0; seed < kSeeds; ++seed) {
      const Trial trial = RunTrial(game, {.method = method,
                                          .budget = std::int64_t{kQuestionsAnAgent} * game.n,
                                          .seed = static_cast<std::uint64_t>(seed)});
      score.error += trial.squared_error / (kGames * kSeeds);
      score.milliseconds += trial.milliseconds / (kGames * kSeeds);
    }
  }
  return score;
}

int Serve(const std::string& family, int n, std::uint64_t seed) {
  const Game game = LargeGame(family, n, seed);
  for (const double value : game.truth) std::printf("%.17g ", value);
  std::printf("\n%.17g %.17g\n", game.low, game.high);
  std::fflush(stdout);
  unsigned long long set = 0;
  while (std::scanf("%llu", &set) == 1) {
    std::printf("%.17g\n", game.value(set));
    std::fflush(stdout);
  }
  return 0;
}

int Compare(const std::string& path) {
  const std::map<CellKey, Anchor> anchors = LoadAnchors(path);
  if (anchors.empty()) {
    std::fprintf(stderr, "no anchors in %s\n", path.c_str());
    return 1;
  }
  int cells = 0;
  int wins = 0;
  double log_gain = 0;
  double slowest = 0;
  for (const int n : {24, 32, 48, 64}) {
    for (const std::string& family : LargeFamilies()) {
      std::vector<Game> games;
      for (int k = 1; k <= kGames; ++k) games.push_back(LargeGame(family, n, k));
      const Score ours = Run(games, Method::kOddBayes);
      Anchor best = anchors.at({n, kQuestionsAnAgent * n, family});
      for (const Method other : kOthers) {
        const double error = Run(games, other).error;
        if (error < best.error) best = {"own " + std::string(credit::MethodName(other)), error};
      }
      const double gain = best.error / (ours.error + 1e-300);
      std::printf("# %-8s n = %d: error %.3e, best other %.3e (%s), gain %.2f, %.2f ms\n",
                  family.c_str(), n, ours.error, best.error, best.method.c_str(), gain,
                  ours.milliseconds);
      std::fflush(stdout);
      ++cells;
      wins += gain > 1;
      log_gain += std::log(std::clamp(gain, 1e-6, 1e6));
      slowest = std::max(slowest, ours.milliseconds);
    }
  }
  std::printf("estimators_large_win_share %.4f share\n", static_cast<double>(wins) / cells);
  std::printf("estimators_large_gain %.4f times\n", std::exp(log_gain / cells));
  std::printf("estimators_large_ms %.3f ms\n", slowest);
  return 0;
}

}  // namespace
}  // namespace assay::benchmarks

int main(int argc, char** argv) {
  if (argc == 2) return assay::benchmarks::Compare(argv[1]);
  if (argc != 4) return 2;
  return assay::benchmarks::Serve(argv[1], std::atoi(argv[2]), std::strtoull(argv[3], nullptr, 10));
}
