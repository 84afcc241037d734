#ifndef ASSAY_TESTS_SIMULATION_BLAME_CALIBRATION_H_
#define ASSAY_TESTS_SIMULATION_BLAME_CALIBRATION_H_

#include <algorithm>
#include <array>
#include <cmath>

namespace assay::blame {

// Expected calibration error (Guo et al. 2017): bins of equal width, mean of |share right - mean
// confidence| by their size.
class Calibration {
 public:
  void Add(double confidence, bool right) {
    const int bin = std::min(kBins - 1, static_cast<int>(confidence * kBins));
    count_[bin] += 1;
    confidence_[bin] += confidence;
    right_[bin] += right;
  }

  double Error() const {
    double error = 0, all = 0;
    for (int i = 0; i < kBins; ++i) {
      error += std::fabs(right_[i] - confidence_[i]);
      all += count_[i];
    }
    return error / all;
  }

 private:
  static constexpr int kBins = 10;
  std::array<double, kBins> count_{}, confidence_{}, right_{};
};

}  // namespace assay::blame

#endif  // ASSAY_TESTS_SIMULATION_BLAME_CALIBRATION_H_
