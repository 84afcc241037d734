// How a series of samples moves, without being led astray by single ones.
#ifndef ASSAY_TESTS_CHAOS_TREND_H_
#define ASSAY_TESTS_CHAOS_TREND_H_

#include <algorithm>
#include <vector>

namespace assay::chaos {

// 0: there are no values.
inline double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// The median of the slopes of all pairs; up to 29 % of the samples may be anything. O(n^2).
inline double TheilSen(const std::vector<double>& x, const std::vector<double>& y) {
  std::vector<double> slopes;
  for (size_t i = 0; i < x.size(); ++i) {
    for (size_t j = i + 1; j < x.size(); ++j) {
      if (x[j] != x[i]) slopes.push_back((y[j] - y[i]) / (x[j] - x[i]));
    }
  }
  return Median(std::move(slopes));
}

// From the first third to the last one.
inline double GrowthOfMedian(const std::vector<double>& values) {
  const auto third = static_cast<std::ptrdiff_t>(values.size() / 3);
  return Median({values.end() - third, values.end()}) -
         Median({values.begin(), values.begin() + third});
}

}  // namespace assay::chaos

#endif  // ASSAY_TESTS_CHAOS_TREND_H_
