#ifndef ASSAY_TESTS_SIMULATION_BLAME_SPLITMIX_H_
#define ASSAY_TESTS_SIMULATION_BLAME_SPLITMIX_H_

#include <cmath>
#include <cstdint>

namespace assay::blame {

// SplitMix64 (Steele, Lea, Flood 2014): the same numbers everywhere, for simulations.
class SplitMix {
 public:
  explicit SplitMix(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

  double Uniform() { return static_cast<double>(Next() >> 11) * 0x1p-53; }
  uint64_t Below(uint64_t n) { return Next() % n; }
  bool Chance(double p) { return Uniform() < p; }
  double Normal() {  // Box-Muller
    const double u = 1 - Uniform();
    return std::sqrt(-2 * std::log(u)) * std::cos(6.283185307179586 * Uniform());
  }

 private:
  uint64_t state_;
};

}  // namespace assay::blame

#endif  // ASSAY_TESTS_SIMULATION_BLAME_SPLITMIX_H_
