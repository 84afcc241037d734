#include "tests/benchmarks/estimators/games.h"

#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>

#include "server/credit/exact.h"
#include "tests/benchmarks/estimators/draw.h"

namespace assay::benchmarks {
namespace {

std::string GamePath(const std::string& folder, const std::string& family, int n) {
  return folder + "/games/" + family + "_n" + std::to_string(n) + ".csv.gz";
}

[[noreturn]] void Die(const std::string& message) {
  std::fprintf(stderr, "%s\n", message.c_str());
  std::exit(1);
}

using Value = std::function<double(std::size_t)>;

// Sum of unanimity games: each term is paid when all its members take part.
Value SumOfUnanimity(int n, Draw& draw) {
  std::vector<std::pair<std::size_t, double>> terms;
  for (int k = 0; k < 3 * n; ++k) {
    const std::size_t members = draw.Subset(n, draw.Integer(1, std::min(n, 6) + 1));
    terms.emplace_back(members, draw.Normal());
  }
  return [terms](std::size_t s) {
    double value = 0;
    for (const auto& [members, worth] : terms) value += (s & members) == members ? worth : 0;
    return value;
  };
}

// Weighted majority with one heavy agent.
Value Voting(int n, Draw& draw) {
  std::vector<int> weights(n);
  int total = 0;
  for (int i = 0; i < n; ++i) total += weights[i] = i == 0 ? 12 : draw.Integer(1, 10);
  return [weights, total](std::size_t s) {
    int votes = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) votes += (s >> i & 1) ? weights[i] : 0;
    return 2 * votes > total ? 1.0 : 0.0;
  };
}

// A chain of work where a step counts only after its parents, two agents that stand in for each
// other, and a saboteur.
Value Pipeline(int n, Draw& draw) {
  std::vector<std::size_t> parents(n - 3);
  std::vector<double> worth(n);
  for (double& value : worth) value = draw.Uniform(0.3, 1.5);
  for (int k = 0; k < n - 3; ++k)
    parents[k] = draw.Subset(std::max(k, 1), std::min(k, draw.Integer(0, 3)));
  return [n, parents, worth](std::size_t s) {
    std::size_t active = 0;
    double value = 0;
    for (int k = 0; k < n - 3; ++k) {
      if (!(s >> k & 1) || (active & parents[k]) != parents[k]) continue;
      active |= std::size_t{1} << k;
      value += worth[k];
    }
    if (s >> (n - 3) & 3) {
      value += 1.0 + 0.8 * (active >> (n - 4) & 1) + 0.5 * (active & 1);
    }
    return (s >> (n - 1) & 1) ? value - (0.3 + 0.35 * value) : value;
  };
}

// Chance of success with independent contributions of agents and of pairs.
Value NoisyOr(int n, Draw& draw) {
  std::vector<double> alone(n);
  for (double& p : alone) p = 0.6 * draw.Uniform() * draw.Uniform() * draw.Uniform();
  std::vector<std::pair<std::size_t, double>> together;
  for (int k = 0; k < n; ++k) together.emplace_back(draw.Subset(n, 2), draw.Uniform(0.05, 0.5));
  return [alone, together](std::size_t s) {
    double failure = 1;
    for (std::size_t i = 0; i < alone.size(); ++i) failure *= (s >> i & 1) ? 1 - alone[i] : 1;
    for (const auto& [pair, p] : together) failure *= (s & pair) == pair ? 1 - p : 1;
    return 1 - failure;
  };
}

// A random dividend for every coalition, smaller for the larger ones.
Value Harsanyi(int n, Draw& draw) {
  std::vector<double> table(std::size_t{1} << n);
  std::vector<double> spread(n + 1);
  double choose = 1;
  for (int k = 1; k <= n; ++k) {
    spread[k] = std::pow(0.6, k - 1) / std::sqrt(choose);
    choose = choose * (n - k) / k;
  }
  for (std::size_t s = 0; s < table.size(); ++s)
    table[s] = draw.Normal() * spread[std::popcount(s)];
  for (int i = 0; i < n; ++i) {
    for (std::size_t s = 0; s < table.size(); ++s) {
      if (s >> i & 1) table[s] += table[s ^ (std::size_t{1} << i)];
    }
  }
  return [table = std::move(table)](std::size_t s) { return table[s]; };
}

// Mean of shallow decision trees over who takes part: steps and high orders, as in learned models.
Value Trees(int n, Draw& draw) {
  struct Tree {
    int agents[7];
    double leaves[8];
  };
  std::vector<Tree> trees(12);
  for (Tree& tree : trees) {
    for (int& agent : tree.agents) agent = draw.Integer(0, n);
    for (double& leaf : tree.leaves) leaf = draw.Uniform();
  }
  return [trees](std::size_t s) {
    double value = 0;
    for (const Tree& tree : trees) {
      int node = 0;
      for (int depth = 0; depth < 3; ++depth) node = 2 * node + 1 + (s >> tree.agents[node] & 1);
      value += tree.leaves[node - 7] / 12;
    }
    return value;
  };
}

}  // namespace

Game WithTruth(const TableGame& table) {
  const auto [low, high] = std::minmax_element(table.table.begin(), table.table.end());
  return {.family = table.family,
          .n = table.n,
          .value = [&table](Coalition s) { return table.table[s]; },
          .low = *low,
          .high = *high,
          .truth = credit::ExactShapley(table.table, table.n)};
}

bool HasGame(const std::string& folder, const std::string& family, int n) {
  return std::filesystem::exists(GamePath(folder, family, n));
}

TableGame LoadGame(const std::string& folder, const std::string& family, int n) {
  const std::string path = GamePath(folder, family, n);
  gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) Die("cannot read " + path);
  TableGame game{family, n, std::vector<double>(std::size_t{1} << n)};
  std::size_t seen = 0;
  char line[256];
  while (gzgets(file, line, sizeof line) != nullptr) {
    std::size_t mask = 0;
    double value = 0;
    if (std::sscanf(line, "%zu,%lf", &mask, &value) != 2) continue;
    if (mask >= game.table.size()) Die(path + ": mask out of range");
    game.table[mask] = value;
    ++seen;
  }
  gzclose(file);
  if (seen != game.table.size()) Die(path + ": incomplete");
  return game;
}

const std::vector<std::string>& GeneratedFamilies() {
  static const auto* const families =
      new std::vector<std::string>{"harsanyi", "noisyor", "pipeline", "soum", "trees", "voting"};
  return *families;
}

TableGame GenerateGame(const std::string& family, int n, std::uint64_t seed) {
  Draw draw(seed);
  Value value;
  if (family == "harsanyi") value = Harsanyi(n, draw);
  if (family == "noisyor") value = NoisyOr(n, draw);
  if (family == "pipeline") value = Pipeline(n, draw);
  if (family == "soum") value = SumOfUnanimity(n, draw);
  if (family == "trees") value = Trees(n, draw);
  if (family == "voting") value = Voting(n, draw);
  if (!value) Die("no such family: " + family);
  TableGame game{family, n, std::vector<double>(std::size_t{1} << n)};
  for (std::size_t s = 0; s < game.table.size(); ++s) game.table[s] = value(s);
  return game;
}

}  // namespace assay::benchmarks
