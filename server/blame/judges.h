#ifndef ASSAY_SERVER_BLAME_JUDGES_H_
#define ASSAY_SERVER_BLAME_JUDGES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/blame/evidence.h"

// What the scores of judges are worth.
namespace assay::blame {

inline constexpr size_t kMaxKnownJudges = 64;
inline constexpr size_t kMaxJudgeNameBytes = 256;

struct JudgeReliability {
  std::string judge;       // its name; empty: scores without a name
  double weight = 1;       // of its log ratio, in [0, kMaxJudgeWeight]; 0: its scores say nothing
  double base_rate = 0.5;  // b, in (0, 1)
  int episodes = 0;        // it was learned on this many
};

// INVALID_ARGUMENT with the path of the field that is wrong, or where a judge is named twice.
absl::Status Validate(const std::vector<JudgeReliability>& judges);

// Adds a judge's score of a message to `scores`, with the weight and base rate that `judges` has
// for it. A judge whose weight is 0 is left out.
void AddScore(const std::vector<JudgeReliability>& judges, absl::string_view judge, int message,
              double value, std::vector<Score>& scores);

}  // namespace assay::blame

#endif  // ASSAY_SERVER_BLAME_JUDGES_H_
