#ifndef ASSAY_SERVER_BLAME_JUDGE_FIT_H_
#define ASSAY_SERVER_BLAME_JUDGE_FIT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/blame/judges.h"
#include "server/blame/posterior.h"

// What judges are worth, learned from episodes whose first error is known.
namespace assay::blame {

struct Opinion {
  std::string judge;
  int message = 0;
  double value = 0;  // q in [-1, 1]
};

struct JudgedEpisode {
  Evidence evidence;  // what else is known; its scores and annotations do not count
  std::vector<Opinion> opinions;
  int first_error = 0;  // a message of an agent
};

struct JudgeFit {
  std::vector<JudgeReliability> judges;  // by name
  double propagated_share = 0;           // w
  // Log likelihood of the labels above that without any judge, nats an episode, and its standard
  // error.
  double gain = 0;
  double gain_error = 0;
};

// Weights, base rates and w are those under which the labels are most probable. A judge whose
// scores tell them no better than their mean does, by more than the standard error, has weight 0:
// what it says of every message is no news. Deterministic, O(judges * messages) some hundred times.
// INVALID_ARGUMENT with the path of the first bad episode, where there is none, or more than
// kMaxKnownJudges judges.
absl::StatusOr<JudgeFit> FitJudges(absl::Span<const JudgedEpisode> episodes,
                                   const Parameters& start = {});

}  // namespace assay::blame

#endif  // ASSAY_SERVER_BLAME_JUDGE_FIT_H_
