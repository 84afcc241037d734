#include "server/blame/labels.h"

#include <algorithm>

namespace assay::blame {
namespace {

struct Marks {
  std::vector<bool> repairs;   // the message repairs another
  std::vector<bool> repaired;  // the message is repaired by another
};

Marks MarksOf(const Evidence& evidence) {
  const size_t messages = evidence.authors.size();
  Marks marks{std::vector<bool>(messages, false), std::vector<bool>(messages, false)};
  for (const RepairMark& mark : evidence.repairs) {
    marks.repairs[mark.message] = true;
    marks.repaired[mark.repaired] = true;
  }
  return marks;
}

bool Claimed(const Posterior& posterior) {
  return posterior.claimed_first || posterior.claimed_decisive;
}

// Whether the label kError or kRepair may be given at all.
bool MayLocate(Outcome outcome, Tier tier) {
  if (outcome == Outcome::kOpen || tier == Tier::kNone) return false;
  return outcome == Outcome::kFailure || tier >= Tier::kRollouts;
}

bool IsErrorLabel(Label label) { return label == Label::kFirstError || label == Label::kError; }
bool IsGoodLabel(Label label) { return label == Label::kSound || label == Label::kRepair; }

class Labeller {
 public:
  Labeller(const Evidence& evidence, const Posterior& posterior)
      : evidence_(evidence),
        posterior_(posterior),
        marks_(MarksOf(evidence)),
        scores_(MeanScores(evidence.scores, evidence.authors.size())),
        success_(evidence.outcome == Outcome::kSuccess),
        may_locate_(MayLocate(evidence.outcome, posterior.tier)),
        may_describe_(success_ || Claimed(posterior)) {}

  Label Of(int t) const {
    if (evidence_.authors[t] < 0) return Label::kNeutral;
    const Label label = WithoutGrade(t);
    return Contradicts(t, label) ? Label::kNeutral : label;
  }

 private:
  Label WithoutGrade(int t) const {
    if (may_locate_) {
      if (posterior_.claimed_first == t) return Label::kFirstError;
      if (IsError(t)) return Label::kError;
      if (IsRepair(t)) return Label::kRepair;
    }
    return may_describe_ ? Describe(t) : Label::kNeutral;
  }

  // What is known of the answer is more than what the state around it suggests.
  bool Contradicts(int t, Label label) const {
    switch (GradeOf(evidence_, t)) {
      case Grade::kRight:
        return label == Label::kFailureAligned ||
               (IsErrorLabel(label) && ProvenRight(evidence_, posterior_, t));
      case Grade::kWrong:
      case Grade::kUnreadable:
        return IsGoodLabel(label);
      case Grade::kNone:
        return false;
    }
    return false;
  }

  bool LowAt(int node) const { return posterior_.high[node] < 0.5; }

  bool IsError(int t) const {
    return (posterior_.error[t] > 0.5 && posterior_.suspect[t]) ||
           posterior_.claimed_decisive == t || (success_ && marks_.repaired[t]);
  }

  bool IsRepair(int t) const {
    return posterior_.repair[t] > 0.5 || (may_describe_ && marks_.repairs[t] && !LowAt(t + 1));
  }

  bool AgainstIt(int t) const {
    if (scores_[t]) return *scores_[t] < 0;
    return IsFromText(evidence_.prior_used) && posterior_.suspect[t];
  }

  Label Describe(int t) const {
    const double q = scores_[t].value_or(0);
    // Scores alone locate no error in a success: they only tell whom to call sound.
    if (success_ && posterior_.tier < Tier::kRollouts) {
      return q < 0 ? Label::kNeutral : Label::kSound;
    }
    const bool low_before = LowAt(t), low_after = LowAt(t + 1);
    if (low_before && low_after) {
      if (marks_.repairs[t] || q > 0) return Label::kRepairAttempt;
      return AgainstIt(t) ? Label::kFailureAligned : Label::kNeutral;
    }
    return low_before || low_after ? Label::kNeutral : Label::kSound;
  }

  const Evidence& evidence_;
  const Posterior& posterior_;
  const Marks marks_;
  const std::vector<std::optional<double>> scores_;
  const bool success_;
  const bool may_locate_;
  const bool may_describe_;
};

}  // namespace

std::vector<std::optional<double>> MeanScores(const std::vector<Score>& scores, size_t messages) {
  std::vector<double> sum(messages, 0.0), weight(messages, 0.0);
  for (const Score& score : scores) {
    sum[score.message] += score.weight * score.value;
    weight[score.message] += score.weight;
  }
  std::vector<std::optional<double>> mean(messages);
  for (size_t t = 0; t < messages; ++t) {
    if (weight[t] > 0) mean[t] = sum[t] / weight[t];
  }
  return mean;
}

std::vector<Label> AssignLabels(const Evidence& evidence, const Posterior& posterior) {
  const Labeller labeller(evidence, posterior);
  std::vector<Label> labels;
  labels.reserve(evidence.authors.size());
  for (size_t t = 0; t < evidence.authors.size(); ++t) {
    labels.push_back(labeller.Of(static_cast<int>(t)));
  }
  return labels;
}

bool ProvenRight(const Evidence& evidence, const Posterior& posterior, int message) {
  return GradeOf(evidence, message) == Grade::kRight && posterior.tier < Tier::kRollouts;
}

bool AnyLocated(const std::vector<Label>& labels) {
  return std::any_of(labels.begin(), labels.end(),
                     [](Label label) { return IsErrorLabel(label) || label == Label::kRepair; });
}

}  // namespace assay::blame
