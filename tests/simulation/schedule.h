// One simulated life of a stream: the real StreamCall, session, engine and evaluators under a
// virtual clock and a seeded scheduler, a scripted client, and the checks of what came of it.
#ifndef ASSAY_TESTS_SIMULATION_SCHEDULE_H_
#define ASSAY_TESTS_SIMULATION_SCHEDULE_H_

#include <cstdint>
#include <string>

#include "tests/simulation/client.h"

namespace assay::simulation {

struct Verdict {
  std::string violation;  // empty: all invariants hold
  int episodes = 0;       // read by the server
  int signals = 0;        // answered with signals
  int recombined = 0;     // groups with recombined values
  int without = 0;        // groups that had to do without them
};

// Everything follows from the seed.
Verdict RunSchedule(uint64_t seed, Bug bug = Bug::kNone);

}  // namespace assay::simulation

#endif  // ASSAY_TESTS_SIMULATION_SCHEDULE_H_
