#ifndef ASSAY_TESTS_BENCHMARKS_ESTIMATORS_LARGE_GAMES_H_
#define ASSAY_TESTS_BENCHMARKS_ESTIMATORS_LARGE_GAMES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "tests/benchmarks/estimators/games.h"

namespace assay::benchmarks {

// Families whose Shapley values are known without a table.
const std::vector<std::string>& LargeFamilies();

// A game of the family with n <= 64 agents, drawn from the seed. Those of games.h, but that the
// pairs of "noisyor" are disjoint.
Game LargeGame(const std::string& family, int n, std::uint64_t seed);

}  // namespace assay::benchmarks

#endif  // ASSAY_TESTS_BENCHMARKS_ESTIMATORS_LARGE_GAMES_H_
