#ifndef ASSAY_TESTS_SIMULATION_BLAME_WHOWHEN_H_
#define ASSAY_TESTS_SIMULATION_BLAME_WHOWHEN_H_

#include <cstdint>

#include "server/blame/text/text_prior.h"

namespace assay::blame {

// What cross-validations over Who&When (algorithm-generated part) found from the texts alone,
// without the ground truth. Counts over all repeats.
struct WhoWhenTally {
  double tries = 0;    // episodes predicted
  double step = 0;     // the likeliest message is the labelled one
  double agent = 0;    // the likeliest agent is
  double covered = 0;  // the 80 % credible set holds the labelled message
  double set_size = 0;
  double claims = 0;  // at confidence 0.5
  double right_claims = 0;
};

// Ten folds a repeat, grouped by question; repeat i shuffles with seed + i. No tries where the data
// is absent. The prior of a fold is fitted on the other folds only, its ridge included.
WhoWhenTally CrossValidateWhoWhen(int repeats, uint64_t seed, const FitOptions& options);

}  // namespace assay::blame

#endif  // ASSAY_TESTS_SIMULATION_BLAME_WHOWHEN_H_
