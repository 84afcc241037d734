// A game with known credit: each agent succeeds alone with a chance of its own, and one success is
// enough.
#ifndef ASSAY_TESTS_CHAOS_PRODUCT_GAME_H_
#define ASSAY_TESTS_CHAOS_PRODUCT_GAME_H_

#include <vector>

#include "server/credit/exact.h"

namespace assay::chaos {

inline constexpr int kAgents = 4;

inline double Game(const std::vector<int>& agents) {
  double product = 1;
  for (const int agent : agents) product *= 1 - 0.1 * (agent + 1);
  return 1 - product;
}

inline std::vector<double> ExactCredit() {
  std::vector<double> table(1 << kAgents);
  for (size_t mask = 0; mask < table.size(); ++mask) {
    std::vector<int> agents;
    for (int i = 0; i < kAgents; ++i) {
      if (mask >> i & 1) agents.push_back(i);
    }
    table[mask] = Game(agents);
  }
  return credit::ExactShapley(table, kAgents);
}

}  // namespace assay::chaos

#endif  // ASSAY_TESTS_CHAOS_PRODUCT_GAME_H_
