#include "server/blame/judges.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"

namespace assay::blame {

absl::Status Validate(const std::vector<JudgeReliability>& judges) {
  const auto invalid = [](size_t i, absl::string_view why) {
    return absl::InvalidArgumentError(absl::StrCat("judges[", i, "].", why));
  };
  if (judges.size() > kMaxKnownJudges) {
    return absl::InvalidArgumentError(absl::StrCat("judges: more than ", kMaxKnownJudges));
  }
  std::set<absl::string_view> names;
  for (size_t i = 0; i < judges.size(); ++i) {
    const JudgeReliability& judge = judges[i];
    if (judge.judge.size() > kMaxJudgeNameBytes) return invalid(i, "judge: too long");
    if (!names.insert(judge.judge).second) return invalid(i, "judge: named twice");
    if (!(judge.weight >= 0 && judge.weight <= kMaxJudgeWeight)) {
      return invalid(i, absl::StrCat("weight: not in [0, ", kMaxJudgeWeight, "]"));
    }
    if (!(judge.base_rate > 0 && judge.base_rate < 1)) {
      return invalid(i, "base_rate: not in (0, 1)");
    }
    if (judge.episodes < 0) return invalid(i, "episodes: below 0");
  }
  return absl::OkStatus();
}

void AddScore(const std::vector<JudgeReliability>& judges, absl::string_view judge, int message,
              double value, std::vector<Score>& scores) {
  const auto known = std::find_if(judges.begin(), judges.end(), [&](const JudgeReliability& j) {
    return absl::string_view(j.judge.data(), j.judge.size()) == judge;
  });
  if (known == judges.end()) {
    scores.push_back({.message = message, .value = value});
  } else if (known->weight > 0) {
    scores.push_back({message, value, known->weight, known->base_rate});
  }
}

}  // namespace assay::blame
