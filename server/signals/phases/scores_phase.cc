#include "server/signals/phases/scores_phase.h"

#include <vector>

namespace assay::signals {
namespace {

// Vote replay beyond the reach of exact Owen values: was each message's answer right?
class ScoresPhase : public DetailPhase {
 public:
  explicit ScoresPhase(const Findings& findings)
      : DetailPhase(findings, {{{.kind = QuestionKind::kMessageScores}}}) {}

  absl::Status Take(absl::Span<const Answer> answers) override {
    findings_.scores = answers.front().scores;
    batch_.clear();
    return absl::OkStatus();
  }
};

}  // namespace

absl::StatusOr<std::unique_ptr<DetailPhase>> MakeScoresPhase(const DetailInputs& inputs,
                                                             const Findings& findings) {
  if (inputs.traits.kind != EvaluatorKind::kVote ||
      !inputs.traits.Supports(QuestionKind::kMessageScores) || !findings.scores.empty()) {
    return nullptr;
  }
  return std::make_unique<ScoresPhase>(findings);
}

}  // namespace assay::signals
