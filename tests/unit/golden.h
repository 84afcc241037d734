// Numbers that may not change unseen: those of many drawn cases against a file of
// tests/data/golden. They are not right because they are there; worked examples and properties say
// what is right. A change that means to move them runs the test with ASSAY_UPDATE_GOLDEN=1 and
// shows the difference in review. Of one level of CPU features, as proto/golden is: where two
// questions are as good to ask, the last bit of a libm decides.
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

class Golden {
 public:
  // `name` of the file, without its ending.
  explicit Golden(const std::string& name)
      : path_(SourceFolder() / "tests/data/golden" / (name + ".txt")),
        update_(std::getenv("ASSAY_UPDATE_GOLDEN") != nullptr) {
    std::ifstream file(path_);
    for (std::string line; std::getline(file, line);) {
      const size_t end = line.find(": ");
      std::istringstream numbers(line.substr(end + 2));
      std::vector<double>& row = rows_[line.substr(0, end)];
      for (std::string number; numbers >> number;)
        row.push_back(std::strtod(number.c_str(), nullptr));
    }
  }
  ~Golden() {
    if (!update_) {
      EXPECT_EQ(checked_, rows_.size()) << "cases are missing";
      return;
    }
    std::ofstream file(path_);
    file << written_.str();
  }
  Golden(const Golden&) = delete;
  Golden& operator=(const Golden&) = delete;

  // To nine digits: compilers round the last ones differently.
  void Expect(const std::string& key, const std::vector<double>& numbers) {
    if (update_) {
      written_ << key << ":";
      char text[32];
      for (const double number : numbers) {
        std::snprintf(text, sizeof(text), " %.10g", number == 0 ? 0 : number);
        written_ << text;
      }
      written_ << " \n";
      return;
    }
    ++checked_;
    const std::vector<double>& row = rows_[key];
    ASSERT_EQ(row.size(), numbers.size()) << key;
    for (size_t i = 0; i < row.size(); ++i) {
      if (row[i] == numbers[i] || (std::isnan(row[i]) && std::isnan(numbers[i]))) continue;
      ASSERT_NEAR(row[i], numbers[i], 1e-9 * (1 + std::fabs(row[i])))
          << key << ", number " << i << " of " << path_
          << "; meant? ASSAY_UPDATE_GOLDEN=1 writes it anew";
    }
  }

 private:
  const std::filesystem::path path_;
  const bool update_;
  std::map<std::string, std::vector<double>> rows_;
  std::ostringstream written_;
  size_t checked_ = 0;
};

inline void Append(std::vector<double>& to, const std::vector<double>& numbers) {
  to.insert(to.end(), numbers.begin(), numbers.end());
}

}  // namespace assay::testing

#endif  // ASSAY_TESTS_UNIT_GOLDEN_H_
