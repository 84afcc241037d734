// Runs many schedules. ASSAY_SCHEDULES: how many (default 20,000). ASSAY_SEED: replays one.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <iostream>

#include "server/base/version.h"
#include "tests/simulation/schedule.h"

namespace assay::simulation {
namespace {

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

TEST(StreamSimulation, NoScheduleBreaksAnInvariant) {
  const uint64_t replay = FromEnvironment("ASSAY_SEED", 0);
  const uint64_t first = replay != 0 ? replay : 1;
  const uint64_t count = replay != 0 ? 1 : FromEnvironment("ASSAY_SCHEDULES", 20'000);
  int64_t episodes = 0;
  int64_t signals = 0;
  int64_t recombined = 0;
  int64_t without = 0;
  for (uint64_t seed = first; seed < first + count; ++seed) {
    const Verdict verdict = RunSchedule(seed);
    ASSERT_EQ(verdict.violation, "")
        << "replay: ASSAY_SEED=" << seed << " at revision " << Revision();
    episodes += verdict.episodes;
    signals += verdict.signals;
    recombined += verdict.recombined;
    without += verdict.without;
  }
  std::cout << count << " schedules, " << episodes << " episodes read, " << signals
            << " answered with signals, " << recombined << " groups with recombined values, "
            << without << " that had to do without\n";
  // A harness in which nothing happens would pass too.
  if (replay == 0) {
    EXPECT_GT(signals, static_cast<int64_t>(count) / 2);
    EXPECT_GT(recombined, static_cast<int64_t>(count) / 20);
    EXPECT_GT(without, static_cast<int64_t>(count) / 500);
  }
}

class PlantedBug : public ::testing::TestWithParam<Bug> {};

TEST_P(PlantedBug, IsFoundWithinTenThousandSchedules) {
  for (uint64_t seed = 1; seed <= 10'000; ++seed) {
    if (!RunSchedule(seed, GetParam()).violation.empty()) {
      std::cout << "found at seed " << seed << ": " << RunSchedule(seed, GetParam()).violation
                << "\n";
      return;
    }
  }
  FAIL() << "not found";
}

INSTANTIATE_TEST_SUITE_P(Bugs, PlantedBug,
                         ::testing::Values(Bug::kLostResult, Bug::kDoubleResult,
                                           Bug::kWrongConservation, Bug::kCreditDeadlock,
                                           Bug::kDrainRace, Bug::kLostGroup, Bug::kWrongTeam,
                                           Bug::kLateGroup));

}  // namespace
}  // namespace assay::simulation
