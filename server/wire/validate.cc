#include "server/wire/validate.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/wire/authors.h"
#include "server/wire/errors.h"

namespace assay::service {
namespace {

// A message's judges are compared pairwise.
constexpr int kMaxJudges = 64;
// Of the value range: more than the rewards of any episode within the limits can add up to.
constexpr double kMaxCredit = 1e12;
// Of the value range: differences of values carry it.
constexpr double kRounding = 1e-9;

// Where in the episode a check is; a string is made of it only when the check fails.
struct Path {
  absl::string_view list;
  int index;
  absl::string_view field;
  absl::string_view inner_list = {};
  int inner_index = 0;
  absl::string_view inner_field = {};

  std::string str() const {
    std::string path =
        list.empty() ? std::string(field) : absl::StrCat(list, "[", index, "].", field);
    if (!inner_list.empty())
      absl::StrAppend(&path, inner_list, "[", inner_index, "].", inner_field);
    return path;
  }
};

absl::Status InRange(const Path& path, double value, double low, double high) {
  if (!std::isfinite(value)) return NotFinite(path.str());
  if (value < low || value > high) return OutOfBounds(path.str(), value, low, high);
  return absl::OkStatus();
}

absl::Status NotNegative(const Path& path, int value) {
  return value < 0 ? Invalid(path.str(), "must not be negative") : absl::OkStatus();
}

absl::Status IdFits(const Path& path, absl::string_view id, const Limits& limits) {
  const auto size = static_cast<int64_t>(id.size());
  return size > limits.max_id_bytes ? OverLimit(path.str(), size, limits.max_id_bytes)
                                    : absl::OkStatus();
}

using AgentIndex = absl::flat_hash_map<absl::string_view, int>;

absl::Status ValidateAgents(const v1::Episode& episode, const Limits& limits, AgentIndex* index) {
  if (episode.agents_size() == 0) return Missing("agents");
  if (episode.agents_size() > limits.max_agents) {
    return OverLimit("agents", episode.agents_size(), limits.max_agents);
  }
  index->reserve(episode.agents_size());
  for (int i = 0; i < episode.agents_size(); ++i) {
    const v1::Agent& agent = episode.agents(i);
    const Path path{"agents", i, "id"};
    if (agent.id().empty()) return Missing(path.str());
    ASSAY_RETURN_IF_ERROR(IdFits(path, agent.id(), limits));
    ASSAY_RETURN_IF_ERROR(IdFits({"agents", i, "policy"}, agent.policy(), limits));
    if (!index->emplace(agent.id(), i).second) return DuplicateId(path.str(), agent.id());
    if (!v1::AgentKind_IsValid(agent.kind())) {
      return Invalid(Path{"agents", i, "kind"}.str(), "unknown value");
    }
  }
  return absl::OkStatus();
}

absl::Status ValidateTable(const v1::Episode& episode, const signals::ValueRange& range,
                           const Limits& limits) {
  constexpr absl::string_view kPath = "values.coalition_values";
  const int n = episode.agents_size();
  if (n > limits.max_table_agents) {
    return absl::OutOfRangeError(absl::StrCat(kPath, ": ", n, " agents are above the limit of ",
                                              limits.max_table_agents, " with a table"));
  }
  const auto& values = episode.values().coalition_values();
  if (values.size() != (1 << n)) {
    return Invalid(kPath,
                   absl::StrCat("has ", values.size(), " entries, must have 2^", n, " = ", 1 << n));
  }
  for (int i = 0; i < values.size(); ++i) {
    const double value = values[i];
    if (value >= range.low && value <= range.high) continue;
    const std::string path = absl::StrCat(kPath, "[", i, "]");
    return std::isfinite(value) ? OutOfBounds(path, value, range.low, range.high) : NotFinite(path);
  }
  return absl::OkStatus();
}

absl::Status ValidateMarks(const v1::Episode& episode, const std::vector<int>& authors, int t) {
  const v1::Message& message = episode.messages(t);
  if (!message.has_repairs()) return absl::OkStatus();
  const std::string path = Path{"messages", t, "repairs"}.str();
  const int target = message.repairs();
  if (target < 0 || target >= t) return Invalid(path, "must be the index of an earlier message");
  if (authors[t] == signals::kContext) return Invalid(path, "the message is context");
  if (authors[target] == signals::kContext) return Invalid(path, "points to context");
  return absl::OkStatus();
}

absl::Status ValidateScores(const v1::Message& message, int t, const signals::ValueRange& range,
                            const Limits& limits) {
  if (message.has_process_score()) {
    ASSAY_RETURN_IF_ERROR(
        InRange({"messages", t, "process_score"}, message.process_score(), -1, 1));
  }
  if (message.has_prefix_value()) {
    ASSAY_RETURN_IF_ERROR(
        InRange({"messages", t, "prefix_value"}, message.prefix_value(), range.low, range.high));
  }
  if (message.has_redundancy()) {
    ASSAY_RETURN_IF_ERROR(InRange({"messages", t, "redundancy"}, message.redundancy(), 0, 1));
  }
  if (message.has_prefix_rollouts()) {
    const v1::PrefixRollouts& rollouts = message.prefix_rollouts();
    ASSAY_RETURN_IF_ERROR(
        NotNegative({"messages", t, "prefix_rollouts.trials"}, rollouts.trials()));
    if (rollouts.trials() > limits.max_rollouts) {
      return OverLimit(Path{"messages", t, "prefix_rollouts.trials"}.str(), rollouts.trials(),
                       limits.max_rollouts);
    }
    ASSAY_RETURN_IF_ERROR(InRange({"messages", t, "prefix_rollouts.successes"},
                                  rollouts.successes(), 0, rollouts.trials()));
  }
  if (message.judge_scores_size() > kMaxJudges) {
    return OverLimit(Path{"messages", t, "judge_scores"}.str(), message.judge_scores_size(),
                     kMaxJudges);
  }
  for (int j = 0; j < message.judge_scores_size(); ++j) {
    const v1::JudgeScore& judge = message.judge_scores(j);
    const Path name{"messages", t, "", "judge_scores", j, "judge"};
    if (judge.judge().empty()) return Missing(name.str());
    ASSAY_RETURN_IF_ERROR(IdFits(name, judge.judge(), limits));
    for (int k = 0; k < j; ++k) {
      if (message.judge_scores(k).judge() == judge.judge()) {
        return DuplicateId(name.str(), judge.judge());
      }
    }
    ASSAY_RETURN_IF_ERROR(
        InRange({"messages", t, "", "judge_scores", j, "score"}, judge.score(), -1, 1));
  }
  return absl::OkStatus();
}

absl::Status ValidateMessage(const v1::Episode& episode, const std::vector<int>& authors, int t,
                             const signals::ValueRange& range, const Limits& limits) {
  const v1::Message& message = episode.messages(t);
  ASSAY_RETURN_IF_ERROR(NotNegative({"messages", t, "round"}, message.round()));
  ASSAY_RETURN_IF_ERROR(NotNegative({"messages", t, "token_count"}, message.token_count()));
  ASSAY_RETURN_IF_ERROR(ValidateScores(message, t, range, limits));
  ASSAY_RETURN_IF_ERROR(ValidateMarks(episode, authors, t));
  for (int j = 0; j < message.alternatives_size(); ++j) {
    if (!message.alternatives(j).has_value()) continue;
    ASSAY_RETURN_IF_ERROR(InRange({"messages", t, "", "alternatives", j, "value"},
                                  message.alternatives(j).value(), range.low, range.high));
  }
  for (int j = 0; j < message.token_spans_size(); ++j) {
    const v1::TokenSpan& span = message.token_spans(j);
    ASSAY_RETURN_IF_ERROR(
        IdFits({"messages", t, "", "token_spans", j, "sample_id"}, span.sample_id(), limits));
    ASSAY_RETURN_IF_ERROR(
        NotNegative({"messages", t, "", "token_spans", j, "start"}, span.start()));
    if (span.end() < span.start()) {
      return Invalid(Path{"messages", t, "", "token_spans", j, "end"}.str(),
                     "must not be before start");
    }
  }
  return absl::OkStatus();
}

absl::Status ValidateMessages(const v1::Episode& episode, const signals::ValueRange& range,
                              const Limits& limits, const AgentIndex& agents) {
  if (episode.messages_size() == 0) return Missing("messages");
  if (episode.messages_size() > limits.max_messages) {
    return OverLimit("messages", episode.messages_size(), limits.max_messages);
  }
  const std::vector<int> authors = Authors(episode);
  int annotated = -1;
  for (int t = 0; t < episode.messages_size(); ++t) {
    const v1::Message& message = episode.messages(t);
    if (!message.agent_id().empty() && !agents.contains(message.agent_id())) {
      return UnknownId(Path{"messages", t, "agent_id"}.str(), message.agent_id());
    }
    ASSAY_RETURN_IF_ERROR(ValidateMessage(episode, authors, t, range, limits));
    if (!message.first_error()) continue;
    if (annotated >= 0) {
      return Invalid(Path{"messages", t, "first_error"}.str(),
                     absl::StrCat("messages[", annotated, "] is annotated already"));
    }
    annotated = t;
  }
  if (std::all_of(authors.begin(), authors.end(), [](int a) { return a == signals::kContext; })) {
    return Invalid("messages", "no message has an agent that is a model");
  }
  return absl::OkStatus();
}

absl::Status ValidateOutcome(const v1::Outcome& outcome, const signals::ValueRange& range,
                             const Limits& limits) {
  if (outcome.has_score()) {
    ASSAY_RETURN_IF_ERROR(
        InRange({"", 0, "outcome.score"}, outcome.score(), range.low, range.high));
  }
  for (int i = 0; i < outcome.components_size(); ++i) {
    const v1::NamedScore& component = outcome.components(i);
    ASSAY_RETURN_IF_ERROR(IdFits({"outcome.components", i, "name"}, component.name(), limits));
    if (!std::isfinite(component.value())) {
      return NotFinite(Path{"outcome.components", i, "value"}.str());
    }
  }
  return absl::OkStatus();
}

// Where the caller named the evaluator, it must be able to answer; where the choice is ours, it is.
absl::Status ValidateEvaluator(const v1::Episode& episode, const ResolvedOptions& options) {
  if (options.chosen == nullptr) return absl::OkStatus();
  if (options.chosen == options.given && !episode.has_values()) {
    return Lacks("values", "the evaluator is given, and the episode has no table");
  }
  if (options.chosen == options.vote && episode.task().reference_answer().empty()) {
    return Lacks("task.reference_answer",
                 "the evaluator is vote, and there is nothing to grade by");
  }
  if (options.chosen != options.vote || !episode.outcome().has_score() ||
      episode.outcome().score() < options.options->success_threshold) {
    return absl::OkStatus();
  }
  if (AnyBallot(episode)) return absl::OkStatus();
  return Lacks("messages.answer",
               "the episode succeeded, and no message has an answer to vote with");
}

absl::Status ValidateCredit(const v1::AgentCredit& agent, int i, const signals::ValueRange& range,
                            const Limits& limits) {
  const Path id{"agents", i, "agent_id"};
  if (agent.agent_id().empty()) return Missing(id.str());
  ASSAY_RETURN_IF_ERROR(IdFits(id, agent.agent_id(), limits));
  ASSAY_RETURN_IF_ERROR(IdFits({"agents", i, "policy"}, agent.policy(), limits));
  const double most = kMaxCredit * range.size();
  ASSAY_RETURN_IF_ERROR(InRange({"agents", i, "credit"}, agent.credit(), -most, most));
  ASSAY_RETURN_IF_ERROR(InRange({"agents", i, "std_error"}, agent.std_error(), 0, most));
  if (!agent.has_value_without()) return absl::OkStatus();
  return InRange({"agents", i, "value_without"}, agent.value_without(), range.low, range.high);
}

absl::Status ValidateSignal(const v1::MessageSignal& message, int t,
                            const signals::ValueRange& range) {
  const double credit = kMaxCredit * range.size();
  const double change = (1 + kRounding) * range.size();
  ASSAY_RETURN_IF_ERROR(InRange({"messages", t, "credit"}, message.credit(), -credit, credit));
  ASSAY_RETURN_IF_ERROR(
      InRange({"messages", t, "value_change"}, message.value_change(), -change, change));
  ASSAY_RETURN_IF_ERROR(InRange({"messages", t, "value_change_variance"},
                                message.value_change_variance(), 0, change * change));
  return InRange({"messages", t, "process_score"}, message.process_score(), -1, 1);
}

// Paths without the place of the episode.
absl::Status ValidateMember(const v1::EpisodeSignals& signals, const signals::ValueRange& range,
                            const Limits& limits) {
  ASSAY_RETURN_IF_ERROR(ValidateId("episode_id", signals.episode_id(), limits));
  ASSAY_RETURN_IF_ERROR(ValidateId("group.id", signals.group().id(), limits));
  ASSAY_RETURN_IF_ERROR(InRange({"", 0, "score"}, signals.score(), range.low, range.high));
  if (signals.agents_size() > limits.max_agents) {
    return OverLimit("agents", signals.agents_size(), limits.max_agents);
  }
  if (signals.messages_size() > limits.max_messages) {
    return OverLimit("messages", signals.messages_size(), limits.max_messages);
  }
  AgentIndex agents;
  for (int i = 0; i < signals.agents_size(); ++i) {
    const v1::AgentCredit& agent = signals.agents(i);
    ASSAY_RETURN_IF_ERROR(ValidateCredit(agent, i, range, limits));
    if (!agents.emplace(agent.agent_id(), i).second) {
      return DuplicateId(Path{"agents", i, "agent_id"}.str(), agent.agent_id());
    }
  }
  for (int t = 0; t < signals.messages_size(); ++t) {
    const v1::MessageSignal& message = signals.messages(t);
    if (!agents.contains(message.agent_id())) {
      return UnknownId(Path{"messages", t, "agent_id"}.str(), message.agent_id());
    }
    ASSAY_RETURN_IF_ERROR(ValidateSignal(message, t, range));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ValidateId(absl::string_view path, absl::string_view id, const Limits& limits) {
  if (id.empty()) return Missing(path);
  return IdFits({"", 0, path}, id, limits);
}

absl::Status ValidateGroup(const v1::Group& group, const Limits& limits) {
  ASSAY_RETURN_IF_ERROR(ValidateId("group.id", group.id(), limits));
  ASSAY_RETURN_IF_ERROR(NotNegative({"", 0, "group.size"}, group.size()));
  return group.size() > limits.max_group_size
             ? OverLimit("group.size", group.size(), limits.max_group_size)
             : absl::OkStatus();
}

absl::Status ValidateMember(const v1::EpisodeSignals& signals, const signals::ValueRange& range,
                            const Limits& limits, absl::string_view at) {
  const absl::Status valid = ValidateMember(signals, range, limits);
  return valid.ok() ? valid : absl::Status(valid.code(), absl::StrCat(at, valid.message()));
}

absl::Status ValidateEpisode(const v1::Episode& episode, int64_t bytes,
                             const ResolvedOptions& options, const Limits& limits) {
  const signals::ValueRange& range = options.options->range;
  ASSAY_RETURN_IF_ERROR(ValidateId("id", episode.id(), limits));
  if (bytes > limits.max_episode_bytes) {
    return OverLimit("messages", bytes, limits.max_episode_bytes);
  }
  ASSAY_RETURN_IF_ERROR(IdFits({"", 0, "task.id"}, episode.task().id(), limits));
  if (episode.has_group()) ASSAY_RETURN_IF_ERROR(ValidateGroup(episode.group(), limits));
  AgentIndex agents;
  ASSAY_RETURN_IF_ERROR(ValidateAgents(episode, limits, &agents));
  ASSAY_RETURN_IF_ERROR(ValidateMessages(episode, range, limits, agents));
  ASSAY_RETURN_IF_ERROR(ValidateOutcome(episode.outcome(), range, limits));
  if (episode.has_values()) ASSAY_RETURN_IF_ERROR(ValidateTable(episode, range, limits));
  return ValidateEvaluator(episode, options);
}

}  // namespace assay::service
