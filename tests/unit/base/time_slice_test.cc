#include "server/base/time_slice.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

namespace assay {
namespace {

// What the kernel keeps for the calling thread, in nanoseconds; -1 where it says nothing of it.
int64_t Slice() {
  std::ifstream told("/proc/thread-self/sched");
  for (std::string line; std::getline(told, line);) {
    if (line.rfind("se.slice", 0) == 0) return std::stoll(line.substr(line.find(':') + 1));
  }
  return -1;
}

TEST(TimeSlice, IsLongUntilTheUsualOneIsAskedFor) {
  const int64_t usual = Slice();
  AskFor(TimeSlice::kLong);
  if (Slice() == usual) GTEST_SKIP() << "this system has no time slices of threads";
  EXPECT_EQ(Slice(), 20'000'000);
  AskFor(TimeSlice::kLong);
  EXPECT_EQ(Slice(), 20'000'000);
  AskFor(TimeSlice::kUsual);
  EXPECT_EQ(Slice(), usual);
}

}  // namespace
}  // namespace assay
