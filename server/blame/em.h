#ifndef ASSAY_SERVER_BLAME_EM_H_
#define ASSAY_SERVER_BLAME_EM_H_

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/blame/posterior.h"

namespace assay::blame {

struct FitParametersOptions {
  int max_iterations = 200;
  double tolerance = 1e-7;  // relative gain of the objective at which the fit has converged
  // The weight of the starting parameters, in episodes: a few episodes cannot move the fit far.
  double prior_episodes = 5;
};

struct ParameterFit {
  Parameters parameters;
  double log_evidence = 0;  // of the episodes under `parameters`
  // The log-evidence plus the log-density of the prior after each iteration. It never falls.
  std::vector<double> objective;
  bool converged = false;
};

// Re-estimates start_high, the rates of errors and repairs (of agents' messages and of context),
// propagated_share, the weights of both rate grids and, where it starts above 0, shared_level by
// expectation maximisation (Dempster, Laird, Rubin 1977). The episodes may be labelled or not;
// parameters about which they say nothing keep their starting values. Deterministic, and
// O(iterations * messages). INVALID_ARGUMENT with the path of the first bad episode or parameter,
// or where there is no episode.
absl::StatusOr<ParameterFit> FitParameters(absl::Span<const Evidence> episodes,
                                           const Parameters& start = {},
                                           const FitParametersOptions& options = {});

}  // namespace assay::blame

#endif  // ASSAY_SERVER_BLAME_EM_H_
