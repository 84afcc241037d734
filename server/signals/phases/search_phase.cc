#include "server/signals/phases/search_phase.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "server/base/status_macros.h"
#include "server/blame/search.h"

namespace assay::signals {
namespace {

class SearchPhase : public DetailPhase {
 public:
  SearchPhase(blame::FirstErrorSearch search, const Findings& findings)
      : DetailPhase(findings, {}), search_(std::move(search)) {
    batch_ = ToEvaluator(search_.ask());
  }

  absl::Status Take(absl::Span<const Answer> answers) override {
    const std::vector<assay::Answer> told(answers.begin(), answers.end());
    ASSAY_RETURN_IF_ERROR(search_.tell(told));
    batch_ = ToEvaluator(search_.ask());
    findings_.node_rollouts = search_.evidence().nodes;
    findings_.corrections = search_.evidence().corrections;
    findings_.failed_nodes = search_.FailedNodes();
    findings_.search_end = search_.end();
    return absl::OkStatus();
  }

 private:
  blame::FirstErrorSearch search_;
};

int64_t RolloutBudget(const DetailInputs& inputs) {
  int64_t budget = inputs.options.first_error.max_rollouts;
  if (budget == 0) {
    const uint64_t messages = std::max<size_t>(inputs.episode.messages.size(), 1);
    budget = std::max<int64_t>(8, 8 * std::bit_width(messages - 1));
  }
  if (inputs.options.estimator.max_questions > 0) budget = std::min(budget, inputs.questions_left);
  return budget;
}

}  // namespace

std::unique_ptr<DetailPhase> MakeSearchPhase(const DetailInputs& inputs,
                                             const std::vector<double>& credit,
                                             const Findings& findings) {
  if (!inputs.traits.Supports(QuestionKind::kPrefix) ||
      inputs.traits.kind == EvaluatorKind::kVote) {
    return nullptr;
  }
  blame::SearchOptions options;
  const int64_t budget = RolloutBudget(inputs);
  if (budget <= 0) return nullptr;
  options.max_rollouts = static_cast<int>(std::min<int64_t>(budget, INT32_MAX));
  options.max_node_rollouts = inputs.options.first_error.max_node_rollouts;
  options.settled = inputs.options.first_error.settled;
  if (inputs.options.estimator.max_questions > 0) {
    options.max_asked = static_cast<int>(std::min(2 * budget, inputs.questions_left));
  }
  options.corrections = inputs.traits.Supports(QuestionKind::kCorrection);
  options.deterministic = inputs.traits.deterministic;
  blame::FirstErrorSearch search(
      BlameEvidence(inputs.episode, inputs.options, findings, inputs.score, credit),
      inputs.options.first_error.parameters, BlamePosteriorOptions(inputs.options), options);
  if (search.done()) return nullptr;
  return std::make_unique<SearchPhase>(std::move(search), findings);
}

}  // namespace assay::signals
