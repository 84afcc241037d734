#include "tests/benchmarks/estimators/large_games.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "server/credit/exact.h"
#include "tests/benchmarks/estimators/draw.h"

namespace assay::benchmarks {
namespace {

Coalition Bit(int agent) { return Coalition{1} << agent; }

Game Named(const char* family, int n) {
  return {.family = family, .n = n, .value = {}, .truth = std::vector<double>(n)};
}

// Each term is shared equally by its members.
Game SumOfUnanimity(int n, Draw& draw) {
  Game game = Named("soum", n);
  game.high = 0;
  std::vector<std::pair<Coalition, double>> terms;
  for (int k = 0; k < 3 * n; ++k) {
    const Coalition members = draw.Subset(n, draw.Integer(1, 7));
    const double worth = draw.Normal();
    terms.emplace_back(members, worth);
    (worth < 0 ? game.low : game.high) += worth;
    for (int i = 0; i < n; ++i) {
      if (members & Bit(i)) game.truth[i] += worth / std::popcount(members);
    }
  }
  game.value = [terms](Coalition s) {
    double value = 0;
    for (const auto& [members, worth] : terms) value += (s & members) == members ? worth : 0;
    return value;
  };
  return game;
}

// An agent's credit is the weight of the coalitions that it turns, counted by size and votes.
std::vector<double> VotingTruth(const std::vector<int>& weights, int total) {
  const int n = static_cast<int>(weights.size());
  const std::vector<double> by_size = credit::ShapleyWeights(n);
  std::vector<double> truth(n);
  for (int i = 0; i < n; ++i) {
    std::vector<std::vector<double>> count(n, std::vector<double>(total + 1));
    count[0][0] = 1;
    for (int j = 0; j < n; ++j) {
      if (j == i) continue;
      for (int size = n - 2; size >= 0; --size) {
        for (int votes = total - weights[j]; votes >= 0; --votes) {
          count[size + 1][votes + weights[j]] += count[size][votes];
        }
      }
    }
    for (int size = 0; size < n; ++size) {
      for (int votes = 0; votes <= total; ++votes) {
        const bool turned = 2 * votes <= total && 2 * (votes + weights[i]) > total;
        if (turned) truth[i] += by_size[size] * count[size][votes];
      }
    }
  }
  return truth;
}

Game Voting(int n, Draw& draw) {
  Game game = Named("voting", n);
  std::vector<int> weights(n);
  int total = 0;
  for (int i = 0; i < n; ++i) total += weights[i] = i == 0 ? 12 : draw.Integer(1, 10);
  game.truth = VotingTruth(weights, total);
  game.value = [weights, total](Coalition s) {
    int votes = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) votes += (s >> i & 1) ? weights[i] : 0;
    return 2 * votes > total ? 1.0 : 0.0;
  };
  return game;
}

// Two agents that fail each alone, and together once more.
struct Pair {
  double first = 1;  // factor of the failure that the agent takes off
  double second = 1;
  double both = 1;
  // The expected factor where each takes part with this chance.
  double At(double in_first, double in_second) const {
    return (1 - in_first) * (1 - in_second) + in_first * (1 - in_second) * first +
           (1 - in_first) * in_second * second + in_first * in_second * first * second * both;
  }
};

// The integral of an agent's gain over the chance t with which each of the others takes part
// (Owen's multilinear extension), by Simpson's rule.
std::vector<double> NoisyOrTruth(const std::vector<Pair>& pairs) {
  constexpr int kSteps = 4096;
  const int n = 2 * static_cast<int>(pairs.size());
  std::vector<double> truth(n);
  for (int step = 0; step <= kSteps; ++step) {
    const double t = static_cast<double>(step) / kSteps;
    const double weight = (step == 0 || step == kSteps ? 1 : step % 2 == 1 ? 4 : 2) / 3.0 / kSteps;
    for (int i = 0; i < n; ++i) {
      double others = 1;
      for (int p = 0; p < n / 2; ++p) {
        if (p != i / 2) others *= pairs[p].At(t, t);
      }
      const Pair& own = pairs[i / 2];
      const double lost = i % 2 == 0 ? own.At(0, t) - own.At(1, t) : own.At(t, 0) - own.At(t, 1);
      truth[i] += weight * others * lost;
    }
  }
  return truth;
}

Game NoisyOr(int n, Draw& draw) {
  Game game = Named("noisyor", n);
  std::vector<Pair> pairs(n / 2);
  for (Pair& pair : pairs) {
    for (double* alone : {&pair.first, &pair.second}) {
      *alone = 1 - 0.6 * draw.Uniform() * draw.Uniform() * draw.Uniform();
    }
    pair.both = 1 - draw.Uniform(0.05, 0.5);
  }
  game.truth = NoisyOrTruth(pairs);
  game.value = [pairs](Coalition s) {
    double failure = 1;
    for (std::size_t p = 0; p < pairs.size(); ++p) {
      failure *= pairs[p].At(static_cast<double>(s >> (2 * p) & 1),
                             static_cast<double>(s >> (2 * p + 1) & 1));
    }
    return 1 - failure;
  };
  return game;
}

// A tree of depth 3 over who takes part; an agent may stand at several of its nodes.
struct Tree {
  std::array<int, 7> agents;
  std::array<double, 8> leaves;
  double At(Coalition s) const {
    int node = 0;
    for (int depth = 0; depth < 3; ++depth) {
      node = 2 * node + 1 + static_cast<int>(s >> agents[node] & 1);
    }
    return leaves[node - 7];
  }
};

// A tree's credit is that of the few agents in it.
void AddTruth(const Tree& tree, double share, std::vector<double>& truth) {
  std::vector<int> agents(tree.agents.begin(), tree.agents.end());
  std::sort(agents.begin(), agents.end());
  agents.erase(std::unique(agents.begin(), agents.end()), agents.end());
  const int n = static_cast<int>(agents.size());
  std::vector<double> table(std::size_t{1} << n);
  for (std::size_t mask = 0; mask < table.size(); ++mask) {
    Coalition s = 0;
    for (int k = 0; k < n; ++k) s |= mask >> k & 1 ? Bit(agents[k]) : 0;
    table[mask] = tree.At(s);
  }
  const std::vector<double> phi = credit::ExactShapley(table, n);
  for (int k = 0; k < n; ++k) truth[agents[k]] += share * phi[k];
}

Game Trees(int n, Draw& draw) {
  Game game = Named("trees", n);
  std::vector<Tree> trees(n);
  for (Tree& tree : trees) {
    for (int& agent : tree.agents) agent = draw.Integer(0, n);
    for (double& leaf : tree.leaves) leaf = draw.Uniform();
    AddTruth(tree, 1.0 / n, game.truth);
  }
  game.value = [trees](Coalition s) {
    double value = 0;
    for (const Tree& tree : trees) value += tree.At(s);
    return value / static_cast<double>(trees.size());
  };
  return game;
}

}  // namespace

const std::vector<std::string>& LargeFamilies() {
  static const auto* const families =
      new std::vector<std::string>{"noisyor", "soum", "trees", "voting"};
  return *families;
}

Game LargeGame(const std::string& family, int n, std::uint64_t seed) {
  Draw draw(seed);
  if (family == "noisyor") return NoisyOr(n, draw);
  if (family == "soum") return SumOfUnanimity(n, draw);
  if (family == "trees") return Trees(n, draw);
  if (family == "voting") return Voting(n, draw);
  std::fprintf(stderr, "no such family: %s\n", family.c_str());
  std::exit(1);
}

}  // namespace assay::benchmarks
