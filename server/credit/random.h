#ifndef ASSAY_SERVER_CREDIT_RANDOM_H_
#define ASSAY_SERVER_CREDIT_RANDOM_H_

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

namespace assay::credit {

// Random numbers from a counter: each depends on (seed, stage, index) and on nothing that was drawn
// before.
class Random {
 public:
  Random(std::uint64_t seed, std::uint64_t stage) : key_(Mix(Mix(seed) ^ Mix(~stage))) {}
  std::uint64_t Bits(std::uint64_t index) const { return Mix(key_ + 0x9e3779b97f4a7c15u * index); }
  // In (0, 1).
  double Unit(std::uint64_t index) const {
    return (static_cast<double>(Bits(index) >> 12) + 0.5) * 0x1p-52;
  }
  // A uniform order of 0..count-1, from the numbers at first_index .. first_index + count - 1.
  std::vector<int> Permutation(int count, std::uint64_t first_index) const {
    std::vector<int> order(count);
    std::iota(order.begin(), order.end(), 0);
    for (int k = count - 1; k > 0; --k) {
      const int other = static_cast<int>(Unit(first_index + k) * (k + 1));
      std::swap(order[k], order[other]);
    }
    return order;
  }

 private:
  // The finaliser of SplitMix64 (Steele, Lea & Flood 2014).
  static constexpr std::uint64_t Mix(std::uint64_t z) {
    z += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  std::uint64_t key_;
};

}  // namespace assay::credit

#endif  // ASSAY_SERVER_CREDIT_RANDOM_H_
