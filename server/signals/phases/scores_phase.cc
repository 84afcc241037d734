#include "server/signals/phases/scores_phase.h"

#include <vector>

namespace assay::signals {
namespace {

// Vote replay beyond the reach of exact Owen values: was each message's answer right?
class ScoresPhase : public DetailPhase {
 public:
  bool done() const override { return told_; }
  void Ask(std::vector<Question>& batch) const override {
    Question question;
    question.kind = QuestionKind::kMessageScores;
    batch.push_back(question);
  }
  absl::Status Tell(absl::Span<const Answer> answers, Findings& findings) override {
    findings.scores = answers.front().scores;
    told_ = true;
    return absl::OkStatus();
  }

 private:
  bool told_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<DetailPhase>> MakeScoresPhase(const DetailInputs& inputs,
                                                             const Findings& findings) {
  if (inputs.traits.kind != EvaluatorKind::kVote ||
      !inputs.traits.Supports(QuestionKind::kMessageScores) || !findings.scores.empty()) {
    return nullptr;
  }
  return std::make_unique<ScoresPhase>();
}

}  // namespace assay::signals
