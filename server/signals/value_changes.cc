#include "server/signals/value_changes.h"

#include <cstddef>
#include <utility>

#include "server/blame/node_values.h"
#include "server/signals/findings.h"

namespace assay::signals {
namespace {

using NodeValue = blame::NodeValue;

std::vector<blame::Rollouts> AllRollouts(const Episode& episode, const Options& options,
                                         const Findings& findings) {
  std::vector<blame::Rollouts> nodes = NodeRollouts(episode, options, findings);
  if (nodes.empty()) return findings.node_samples;
  for (size_t j = 0; j < findings.node_samples.size(); ++j) {
    if (nodes[j].trials <= 0) nodes[j] = findings.node_samples[j];
  }
  return nodes;
}

// Values that are known as they are: given or answered exactly, and the score.
std::vector<std::optional<NodeValue>> ExactValues(const Episode& episode, const Findings& findings,
                                                  double score) {
  const size_t count = episode.messages.size();
  std::vector<std::optional<NodeValue>> values(count + 1);
  for (size_t t = 0; t < count; ++t) {
    if (episode.messages[t].prefix_value.has_value()) {
      values[t] = NodeValue{*episode.messages[t].prefix_value, 0};
    } else if (!findings.node_values.empty() && findings.node_samples.empty() &&
               findings.node_values[t].has_value()) {
      values[t] = NodeValue{*findings.node_values[t], 0};
    }
  }
  values[count] = NodeValue{score, 0};
  return values;
}

std::vector<NodeValue> SampledValues(const Episode& episode, const Options& options, double score,
                                     std::vector<blame::Rollouts> nodes) {
  blame::Evidence evidence;
  evidence.agents = static_cast<int>(episode.agents.size());
  evidence.low = options.range.low;
  evidence.high = options.range.high;
  evidence.score = score;
  evidence.nodes = std::move(nodes);
  evidence.start_value = episode.messages.front().prefix_value;
  evidence.authors.reserve(episode.messages.size());
  for (const Message& m : episode.messages) {
    evidence.authors.push_back(m.agent == kContext ? blame::kNobody : m.agent);
  }
  return blame::NodeValuesOfRollouts(evidence, options.first_error.parameters);
}

}  // namespace

std::vector<std::optional<ValueChange>> ValueChanges(const Episode& episode, const Options& options,
                                                     const Findings& findings, double score) {
  std::vector<std::optional<ValueChange>> changes;
  const std::vector<blame::Rollouts> rollouts = AllRollouts(episode, options, findings);
  // A given value counts as rollouts too: without any only exact answers are left.
  if (rollouts.empty() && findings.node_values.empty()) return changes;
  changes.resize(episode.messages.size());
  std::vector<std::optional<NodeValue>> values = ExactValues(episode, findings, score);
  if (!rollouts.empty()) {
    const std::vector<NodeValue> sampled = SampledValues(episode, options, score, rollouts);
    for (size_t j = 0; j < values.size(); ++j) {
      if (!values[j].has_value() && rollouts[j].trials > 0) values[j] = sampled[j];
    }
  }
  for (size_t t = 0; t < changes.size(); ++t) {
    if (episode.messages[t].agent == kContext) continue;
    if (!values[t].has_value() || !values[t + 1].has_value()) continue;
    changes[t] = ValueChange{values[t + 1]->mean - values[t]->mean,
                             values[t + 1]->variance + values[t]->variance};
  }
  return changes;
}

}  // namespace assay::signals
