// Figures that are medians of rounds, as the benchmarks print them.
#ifndef ASSAY_TESTS_BENCHMARKS_ROUNDS_H_
#define ASSAY_TESTS_BENCHMARKS_ROUNDS_H_

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <vector>

namespace assay::benchmarks {

// Prints `NAME VALUE UNIT`, the median of the rounds, of which there is at least one; and before it
// `# spread NAME VALUE`, the largest over the least where one is left out on either side
// (quiet.py).
inline void PrintMedian(const char* name, std::vector<double> rounds, const char* unit) {
  std::sort(rounds.begin(), rounds.end());
  const size_t outer = rounds.size() > 3 ? 1 : 0;
  std::printf("# spread %s %.3f\n", name, rounds[rounds.size() - 1 - outer] / rounds[outer]);
  std::printf("%s %.4f %s\n", name, rounds[rounds.size() / 2], unit);
  std::fflush(stdout);
}

}  // namespace assay::benchmarks

#endif  // ASSAY_TESTS_BENCHMARKS_ROUNDS_H_
