#include "server/signals/phases/prefix_phase.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "server/signals/phases/credit_phase.h"

namespace assay::signals {
namespace {

// Nodes whose values are asked for where prefix questions cost nothing.
constexpr int kMaxFreePrefixes = 1024;

// Asks the value of every node of an agent's message that the episode does not give.
class PrefixPhase : public DetailPhase {
 public:
  PrefixPhase(absl::Span<const int> nodes, const DetailInputs& inputs, const Findings& findings)
      : DetailPhase(findings, {}),
        count_(inputs.episode.messages.size()),
        range_(inputs.options.range),
        noise_(NoiseOf(inputs.options, inputs.traits)) {
    for (const int node : nodes) {
      batch_.push_back({{.kind = QuestionKind::kPrefix,
                         .samples = inputs.options.estimator.samples_per_question,
                         .index = node}});
    }
  }

  absl::Status Take(absl::Span<const Answer> answers) override {
    findings_.node_values.resize(count_ + 1);
    for (size_t k = 0; k < batch_.size(); ++k) {
      findings_.node_values[batch_[k].index] = answers[k].mean;
    }
    if (AreSamples(answers)) {
      findings_.node_samples.resize(count_ + 1);
      for (size_t k = 0; k < batch_.size(); ++k) {
        const double share = std::clamp((answers[k].mean - range_.low) / range_.size(), 0.0, 1.0);
        const double trials = answers[k].samples;
        findings_.node_samples[batch_[k].index] = {share * trials, trials};
      }
    }
    batch_.clear();
    return absl::OkStatus();
  }

 private:
  // Whether the values are means of noisy evaluations, and not exact.
  bool AreSamples(absl::Span<const Answer> answers) const {
    if (noise_ != credit::Noise::kUnsaid) return noise_ == credit::Noise::kSampled;
    return std::any_of(answers.begin(), answers.end(),
                       [](const Answer& answer) { return answer.variance > 0; });
  }

  const size_t count_;
  const ValueRange range_;
  const credit::Noise noise_;
};

// The nodes around agents' messages that have no value yet, or nothing where they cost too much.
std::vector<int> MissingNodes(const DetailInputs& inputs, const Findings& findings) {
  const std::vector<std::optional<double>> values =
      NodeValues(inputs.episode, inputs.options, findings, inputs.score);
  std::vector<int> nodes;
  for (int t : AgentsMessages(inputs.episode)) {
    for (int node : {t, t + 1}) {
      const bool asked = !nodes.empty() && nodes.back() == node;
      if (!asked && !values[node].has_value()) nodes.push_back(node);
    }
  }
  const int64_t limit = inputs.traits.free ? int64_t{kMaxFreePrefixes} : inputs.questions_left;
  if (static_cast<int64_t>(nodes.size()) > limit) nodes.clear();
  return nodes;
}

}  // namespace

absl::StatusOr<std::unique_ptr<DetailPhase>> MakePrefixPhase(const DetailInputs& inputs,
                                                             const Findings& findings) {
  const EvaluatorTraits& traits = inputs.traits;
  const bool asked_by_name = inputs.options.message_rewards.evidence == EvidenceKind::kPrefix;
  // A vote at a prefix is no forecast of the end: vote replay is never asked for node values.
  if (!traits.Supports(QuestionKind::kPrefix) || traits.kind == EvaluatorKind::kVote ||
      !(traits.free || asked_by_name)) {
    return nullptr;
  }
  const std::vector<int> nodes = MissingNodes(inputs, findings);
  if (nodes.empty()) return nullptr;
  return std::make_unique<PrefixPhase>(nodes, inputs, findings);
}

}  // namespace assay::signals
