#ifndef ASSAY_TESTS_BENCHMARKS_ESTIMATORS_ANCHORS_H_
#define ASSAY_TESTS_BENCHMARKS_ESTIMATORS_ANCHORS_H_

#include <cmath>
#include <map>
#include <string>
#include <tuple>

namespace assay::benchmarks {

// A public estimator and its mean squared error.
struct Anchor {
  std::string method;
  double error = INFINITY;
};
using CellKey = std::tuple<int, int, std::string>;  // n, budget, family

// The best of each cell of a table `n,game,budget,method,mse,...`; empty where there is no such
// file.
std::map<CellKey, Anchor> LoadAnchors(const std::string& path);

}  // namespace assay::benchmarks

#endif  // ASSAY_TESTS_BENCHMARKS_ESTIMATORS_ANCHORS_H_
