#ifndef ASSAY_TESTS_BENCHMARKS_ESTIMATORS_PLOT_H_
#define ASSAY_TESTS_BENCHMARKS_ESTIMATORS_PLOT_H_

#include <string>
#include <vector>

namespace assay::benchmarks {

struct PlotPoint {
  std::string family;
  int n = 0;
  int budget = 0;
  std::string series;
  double error = 0;
};

// An SVG: one panel a family and n, error against questions on logarithmic axes, one line a series.
void WritePlot(const std::string& path, const std::vector<PlotPoint>& points);

}  // namespace assay::benchmarks

#endif  // ASSAY_TESTS_BENCHMARKS_ESTIMATORS_PLOT_H_
