#include "tests/benchmarks/estimators/anchors.h"

#include <fstream>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace assay::benchmarks {

std::map<CellKey, Anchor> LoadAnchors(const std::string& path) {
  std::map<CellKey, Anchor> best;
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    const std::vector<std::string> fields = absl::StrSplit(line, ',');
    int n = 0;
    int budget = 0;
    double error = 0;
    if (fields.size() < 5 || !absl::SimpleAtoi(fields[0], &n) ||
        !absl::SimpleAtoi(fields[2], &budget) || !absl::SimpleAtod(fields[4], &error)) {
      continue;
    }
    Anchor& anchor = best[{n, budget, fields[1]}];
    if (error < anchor.error) anchor = {fields[3], error};
  }
  return best;
}

}  // namespace assay::benchmarks
