#ifndef ASSAY_TESTS_BENCHMARKS_ESTIMATORS_DRAW_H_
#define ASSAY_TESTS_BENCHMARKS_ESTIMATORS_DRAW_H_

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>

namespace assay::benchmarks {

// std distributions are implementation-defined; a benchmark's games must be the same everywhere.
class Draw {
 public:
  explicit Draw(std::uint64_t seed) : engine_(seed) {}
  double Uniform(double from = 0, double to = 1) {
    return from + (to - from) * (static_cast<double>(engine_() >> 11) * 0x1p-53);
  }
  int Integer(int from, int to) { return from + static_cast<int>(Uniform() * (to - from)); }
  double Normal() {
    const double radius = std::sqrt(-2 * std::log(1 - Uniform()));
    return radius * std::cos(2 * M_PI * Uniform());
  }
  std::size_t Subset(int n, int size) {
    std::size_t set = 0;
    while (std::popcount(set) < size) set |= std::size_t{1} << Integer(0, n);
    return set;
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace assay::benchmarks

#endif  // ASSAY_TESTS_BENCHMARKS_ESTIMATORS_DRAW_H_
