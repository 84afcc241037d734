#ifndef ASSAY_TESTS_PROPERTY_CREDIT_GENERATORS_H_
#define ASSAY_TESTS_PROPERTY_CREDIT_GENERATORS_H_

#include <cstddef>
#include <vector>

#include "rapidcheck.h"

namespace assay::credit {

// A whole number in [from, to), uniform from the first case on (rc::gen::inRange starts near `from`
// and grows).
inline int Uniform(int from, int to) {
  return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(from, to));
}

inline double UniformReal(double from, double to) {
  return from + (to - from) * Uniform(0, 100001) / 100000.0;
}

// A game of n agents with values in [-1, 1].
inline std::vector<double> RandomTable(int n) {
  const auto value = rc::gen::map(rc::gen::inRange(-1000, 1001), [](int k) { return k / 1000.0; });
  return *rc::gen::resize(rc::kNominalSize,
                          rc::gen::container<std::vector<double>>(std::size_t{1} << n, value));
}

}  // namespace assay::credit

#endif  // ASSAY_TESTS_PROPERTY_CREDIT_GENERATORS_H_
