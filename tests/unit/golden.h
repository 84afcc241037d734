// Numbers that may not change unseen: those of many drawn cases, each by its fingerprint in
// tests/data/golden. They are not right because they are there; worked examples and properties say
// what is right, and proto/golden has named cases for reading. A change that means to move them
// runs the test with ASSAY_UPDATE_GOLDEN=1; ASSAY_SHOW_GOLDEN=1 prints the numbers behind the
// fingerprints, to be compared with those of another revision.
#ifndef ASSAY_TESTS_UNIT_GOLDEN_H_
#define ASSAY_TESTS_UNIT_GOLDEN_H_

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "server/credit/random.h"
#include "tests/paths.h"

namespace assay::testing {

// Draws that are the same with every compiler.
class Dice {
 public:
  // `steps` > 0: numbers of [0, 1] in so many steps, so that many are equal or meet a bound.
  explicit Dice(uint64_t seed, int steps = 0) : random_(seed, 0), steps_(steps) {}
  double Unit() {
    return steps_ > 0 ? Below(steps_ + 1) / static_cast<double>(steps_) : random_.Unit(next_++);
  }
  int Below(int limit) { return static_cast<int>(random_.Unit(next_++) * limit); }
  bool Chance(int percent) { return Below(100) < percent; }

 private:
  const credit::Random random_;
  const int steps_;
  uint64_t next_ = 0;
};

// What is kept of a case: how many numbers it has, how large they are together, and their sum with
// weights that no two places share, so that a change of one, or of two places, is seen.
struct Fingerprint {
  size_t count = 0;
  double size = 0;  // sum of |x|
  double sum = 0;   // sum of w x, w in (0, 1)

  static Fingerprint Of(const std::vector<double>& numbers) {
    const credit::Random weights(2026, 0);
    Fingerprint print;
    for (const double number : numbers) {
      // Not a number has a size of its own.
      const double x = std::isfinite(number) ? number : std::isnan(number) ? 1.25 : 2.5;
      print.size += std::fabs(x);
      print.sum += weights.Unit(print.count++) * x;
    }
    return print;
  }
};

class Golden {
 public:
  // `name` of the file, without its ending: {"CASE": [count, size, sum], ...}, a line each.
  explicit Golden(const std::string& name)
      : path_(SourceFolder() / "tests/data/golden" / (name + ".json")),
        update_(std::getenv("ASSAY_UPDATE_GOLDEN") != nullptr),
        show_(std::getenv("ASSAY_SHOW_GOLDEN") != nullptr) {
    std::ifstream file(path_);
    for (std::string line; std::getline(file, line);) {
      const size_t end = line.find("\": [");
      if (end == std::string::npos) continue;
      Fingerprint& print = prints_[line.substr(line.find('"') + 1, end - line.find('"') - 1)];
      std::sscanf(line.c_str() + end, "\": [%zu, %lg, %lg]", &print.count, &print.size, &print.sum);
    }
  }
  ~Golden() {
    if (!update_) {
      EXPECT_EQ(checked_, prints_.size()) << "cases are missing";
      return;
    }
    std::ofstream file(path_);
    file << "{\n" << written_.str() << "\n}\n";
  }
  Golden(const Golden&) = delete;
  Golden& operator=(const Golden&) = delete;

  // To nine digits: compilers, and libm on another CPU, round the last ones differently.
  void Expect(const std::string& key, const std::vector<double>& numbers) {
    if (show_) Show(key, numbers);
    const Fingerprint today = Fingerprint::Of(numbers);
    ++checked_;
    if (update_) {
      char text[96];
      std::snprintf(text, sizeof(text), "[%zu, %.10g, %.10g]", today.count, today.size, today.sum);
      written_ << (checked_ > 1 ? ",\n" : "") << "  \"" << key << "\": " << text;
      return;
    }
    const Fingerprint& golden = prints_[key];
    const double slack = 1e-9 * (1 + golden.size);
    EXPECT_EQ(golden.count, today.count) << key << " of " << path_;
    EXPECT_NEAR(golden.size, today.size, slack) << key << " of " << path_;
    EXPECT_NEAR(golden.sum, today.sum, slack) << key << " of " << path_;
  }

 private:
  static void Show(const std::string& key, const std::vector<double>& numbers) {
    std::printf("%s:", key.c_str());
    for (const double number : numbers) std::printf(" %.12g", number);
    std::printf("\n");
  }

  const std::filesystem::path path_;
  const bool update_;
  const bool show_;
  std::map<std::string, Fingerprint> prints_;
  std::ostringstream written_;
  size_t checked_ = 0;
};

inline void Append(std::vector<double>& to, const std::vector<double>& numbers) {
  to.insert(to.end(), numbers.begin(), numbers.end());
}

}  // namespace assay::testing

#endif  // ASSAY_TESTS_UNIT_GOLDEN_H_
