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

// Asks the value of every node of an agent's message that the episode does not give. What fails is
// asked again; a node that fails to the end has no value, or where the values were demanded the
// phase has its error.
class PrefixPhase : public DetailPhase {
 public:
  PrefixPhase(absl::Span<const int> nodes, bool demanded, const DetailInputs& inputs,
              const Findings& findings)
      : DetailPhase(findings, {}),
        demanded_(demanded),
        may_ask_(inputs.traits.free ? INT64_MAX : inputs.questions_left),
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
    ++attempts_;
    may_ask_ -= static_cast<int64_t>(batch_.size());
    std::vector<Question> failed;
    for (size_t k = 0; k < batch_.size(); ++k) {
      if (answers[k].error.ok()) {
        answered_.emplace_back(batch_[k].index, answers[k]);
      } else {
        failed.push_back(batch_[k]);
        last_error_ = answers[k].error;
      }
    }
    batch_.clear();
    if (!failed.empty()) {
      if (attempts_ < kMaxRolloutFailures && static_cast<int64_t>(failed.size()) <= may_ask_) {
        batch_ = std::move(failed);
        return absl::OkStatus();
      }
      if (demanded_) return last_error_;
    }
    for (const Question& question : failed) findings_.failed_nodes.push_back(question.index);
    Conclude();
    return absl::OkStatus();
  }

 private:
  void Conclude() {
    findings_.node_values.resize(count_ + 1);
    for (const auto& [node, answer] : answered_) findings_.node_values[node] = answer.mean;
    if (!AreSamples()) return;
    findings_.node_samples.resize(count_ + 1);
    for (const auto& [node, answer] : answered_) {
      const double share = std::clamp((answer.mean - range_.low) / range_.size(), 0.0, 1.0);
      const double trials = answer.samples;
      findings_.node_samples[node] = {share * trials, trials};
    }
  }

  // Whether the values are means of noisy evaluations, and not exact.
  bool AreSamples() const {
    if (noise_ != credit::Noise::kUnsaid) return noise_ == credit::Noise::kSampled;
    return std::any_of(answered_.begin(), answered_.end(),
                       [](const auto& answered) { return answered.second.variance > 0; });
  }

  const bool demanded_;
  int64_t may_ask_;
  int attempts_ = 0;
  absl::Status last_error_;
  std::vector<std::pair<int, assay::Answer>> answered_;  // by node, in the order answered
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
  return std::make_unique<PrefixPhase>(nodes, asked_by_name, inputs, findings);
}

}  // namespace assay::signals
