#ifndef ASSAY_TESTS_BENCHMARKS_ESTIMATORS_TRIAL_H_
#define ASSAY_TESTS_BENCHMARKS_ESTIMATORS_TRIAL_H_

#include <cstdint>
#include <vector>

#include "server/credit/credit_plan.h"
#include "tests/benchmarks/estimators/games.h"

namespace assay::benchmarks {

struct TrialOptions {
  credit::Method method = credit::Method::kAuto;
  std::int64_t budget = 0;
  std::uint64_t seed = 0;
  // 0: exact answers. Otherwise an answer is the mean of that many Bernoulli draws with the value,
  // scaled to the game's range, as its chance.
  int samples = 0;
};

struct Trial {
  double squared_error = 0;    // mean over agents
  double milliseconds = 0;     // the plan's own computation
  std::int64_t questions = 0;  // counted here, repeats included
  std::int64_t distinct = 0;
  std::int64_t samples = 0;  // asked for
  double efficiency_error = 0;
  double covered = 0;       // share of agents whose interval holds the true value
  double mean_width = 0;    // of the intervals, in the game's range
  double needed_ratio = 0;  // summed half-width over summed |error|
  credit::CreditEstimate estimate;
};

// Puts the plan's questions to the game one by one.
Trial RunTrial(const Game& game, const TrialOptions& options);

}  // namespace assay::benchmarks

#endif  // ASSAY_TESTS_BENCHMARKS_ESTIMATORS_TRIAL_H_
