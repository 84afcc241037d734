#ifndef ASSAY_TESTS_BENCHMARKS_ESTIMATORS_GAMES_H_
#define ASSAY_TESTS_BENCHMARKS_ESTIMATORS_GAMES_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "server/plan/coalition.h"

namespace assay::benchmarks {

// A game with every value known: table[mask] = v(mask).
struct TableGame {
  std::string family;
  int n = 0;
  std::vector<double> table;
};

// A game of which every agent's Shapley value is known. `value` is asked for sets as bit masks and
// is within [low, high].
struct Game {
  std::string family;
  int n = 0;
  std::function<double(Coalition)> value;
  double low = 0;
  double high = 1;
  std::vector<double> truth;
};

// The same game, which must outlive what is returned.
Game WithTruth(const TableGame& table);

// FOLDER/games/FAMILY_nN.csv.gz, lines "mask,value". Ends the program where the file is missing or
// incomplete.
TableGame LoadGame(const std::string& folder, const std::string& family, int n);

// Whether that file exists.
bool HasGame(const std::string& folder, const std::string& family, int n);

// Families that GenerateGame knows; LoadGame knows these and "ml".
const std::vector<std::string>& GeneratedFamilies();

// A game of the family drawn from the seed: the structure of ../shared/bench, other instances.
TableGame GenerateGame(const std::string& family, int n, std::uint64_t seed);

}  // namespace assay::benchmarks

#endif  // ASSAY_TESTS_BENCHMARKS_ESTIMATORS_GAMES_H_
