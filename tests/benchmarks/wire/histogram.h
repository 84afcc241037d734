// Latencies in buckets of constant relative width.
#ifndef ASSAY_TESTS_BENCHMARKS_WIRE_HISTOGRAM_H_
#define ASSAY_TESTS_BENCHMARKS_WIRE_HISTOGRAM_H_

#include <cstdint>
#include <vector>

namespace assay::benchmarks {

// From 1 microsecond up, 64 buckets a factor of 2: percentiles are right to 1.1 %.
class Histogram {
 public:
  void Add(double microseconds);
  void Merge(const Histogram& other);
  // Upper edge of the bucket that holds the q-quantile, q in [0, 1]; 0 where nothing was added.
  double Quantile(double q) const;
  int64_t count() const { return count_; }

 private:
  std::vector<int64_t> buckets_;
  int64_t count_ = 0;
};

}  // namespace assay::benchmarks

#endif  // ASSAY_TESTS_BENCHMARKS_WIRE_HISTOGRAM_H_
