#include "tests/benchmarks/wire/histogram.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace assay::benchmarks {
namespace {
constexpr double kBucketsPerOctave = 64;
}

void Histogram::Add(double microseconds) {
  const double octave = std::log2(std::max(microseconds, 1.0));
  const size_t bucket = static_cast<size_t>(octave * kBucketsPerOctave);
  if (bucket >= buckets_.size()) buckets_.resize(bucket + 1);
  ++buckets_[bucket];
  ++count_;
}

void Histogram::Merge(const Histogram& other) {
  buckets_.resize(std::max(buckets_.size(), other.buckets_.size()));
  for (size_t i = 0; i < other.buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
}

double Histogram::Quantile(double q) const {
  const double wanted = q * static_cast<double>(count_);
  int64_t below = 0;
  for (size_t i = 0; i < buckets_.size(); ++i) {
    below += buckets_[i];
    if (below > 0 && static_cast<double>(below) >= wanted) {
      return std::exp2(static_cast<double>(i + 1) / kBucketsPerOctave);
    }
  }
  return 0;
}

}  // namespace assay::benchmarks
