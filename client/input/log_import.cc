#include "client/input/log_import.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "client/input/agent_kinds.h"
#include "client/input/read_json.h"
#include "google/protobuf/struct.pb.h"

namespace assay::command {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

constexpr double kExact = 9007199254740992.0;  // 2^53, from where doubles skip whole numbers

const char* KindOf(const Value* value) {
  if (value == nullptr) return "null";
  switch (value->kind_case()) {
    case Value::kBoolValue:
      return "a boolean";
    case Value::kNumberValue:
      return "a number";
    case Value::kStringValue:
      return "a text";
    case Value::kStructValue:
      return "an object";
    case Value::kListValue:
      return "a list";
    default:
      return "null";
  }
}

absl::Status WrongType(const std::string& path, const char* wanted, const Value* value) {
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": ", wanted, " expected, got ", KindOf(value)));
}

// Null where the field is missing or null.
const Value* Get(const Struct& object, const std::string& name) {
  const auto it = object.fields().find(name);
  return it == object.fields().end() || it->second.has_null_value() ? nullptr : &it->second;
}

// Whole numbers without a point, all others with the fewest digits, from 15 to 17, that read back
// as the same double: as assay_rl.convert writes them.
std::string NumberText(double number) {
  if (number == std::floor(number)) return absl::StrCat(static_cast<int64_t>(number));
  for (const int digits : {15, 16}) {
    std::string text = absl::StrFormat("%.*g", digits, number);
    double again = 0;
    if (absl::SimpleAtod(text, &again) && again == number) return text;
  }
  return absl::StrFormat("%.17g", number);
}

// A text, or a number as text; nothing where the value is missing.
absl::Status ReadText(const Value* value, const std::string& path, std::string* out) {
  if (value == nullptr) return absl::OkStatus();
  if (value->has_number_value()) {
    if (!(std::abs(value->number_value()) < kExact)) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": a number beyond 2^53 must be written as a text"));
    }
    *out = NumberText(value->number_value());
    return absl::OkStatus();
  }
  if (!value->has_string_value()) return WrongType(path, "a text or a number", value);
  *out = value->string_value();
  return absl::OkStatus();
}

absl::Status ReadText(const Struct& object, const std::string& prefix, const std::string& name,
                      std::string* out) {
  return ReadText(Get(object, name), prefix + name, out);
}

// A whole number in [0, 2^31), or -1 where there is none.
absl::StatusOr<int> ReadIndex(const Struct& object, const std::string& prefix,
                              const std::string& name) {
  const Value* value = Get(object, name);
  if (value == nullptr) return -1;
  const double number = value->number_value();
  if (!value->has_number_value() || number != std::floor(number) || number < 0 ||
      number >= 2147483648.0) {
    return absl::InvalidArgumentError(absl::StrCat(prefix, name, ": a whole number expected"));
  }
  return static_cast<int>(number);
}

bool IsContext(const std::string& agent, const LogImportOptions& options) {
  for (absl::string_view name : options.context_agents) {
    if (absl::ConsumeSuffix(&name, "*") ? absl::StartsWith(agent, name) : agent == name)
      return true;
  }
  return agent.empty();
}

// Of whoever has a name.
v1::AgentKind KindOf(const std::string& agent, const LogImportOptions& options) {
  const v1::AgentKind kind = KindOfName(agent);
  const bool context = kind == v1::AGENT_KIND_UNSPECIFIED && IsContext(agent, options);
  return context ? v1::AGENT_KIND_FRAMEWORK : kind;
}

bool HasName(const std::string& agent, const LogImportOptions& options) {
  return options.kinds ? !agent.empty() : !IsContext(agent, options);
}

absl::Status ReadOutcome(const Struct& record, v1::Episode* episode) {
  const Value* outcome = Get(record, "outcome");
  if (outcome == nullptr) return absl::OkStatus();
  if (outcome->has_bool_value()) {
    episode->mutable_outcome()->set_score(outcome->bool_value() ? 1 : 0);
  } else if (outcome->has_number_value()) {
    episode->mutable_outcome()->set_score(outcome->number_value());
  } else {
    return WrongType("outcome", "a number or a boolean", outcome);
  }
  return absl::OkStatus();
}

absl::Status ReadMessage(const Value& value, const std::string& path,
                         const LogImportOptions& options, v1::Message* message) {
  if (!value.has_struct_value()) return WrongType(path, "an object", &value);
  const Struct& object = value.struct_value();
  const std::string prefix = path + ".";
  std::string agent;
  absl::Status status = ReadText(object, prefix, "agent", &agent);
  if (status.ok()) status = ReadText(object, prefix, "content", message->mutable_content());
  if (status.ok() && Get(object, "answer") != nullptr) {
    status = ReadText(object, prefix, "answer", message->mutable_answer());
  }
  if (!status.ok()) return status;
  if (HasName(agent, options)) message->set_agent_id(agent);
  absl::StatusOr<int> round = ReadIndex(object, prefix, "round");
  if (!round.ok()) return round.status();
  if (*round > 0) message->set_round(*round);
  return absl::OkStatus();
}

absl::Status ReadMessages(const Struct& record, const LogImportOptions& options,
                          v1::Episode* episode) {
  const Value* messages = Get(record, "messages");
  if (messages == nullptr || !messages->has_list_value()) {
    return WrongType("messages", "a list", messages);
  }
  for (const Value& message : messages->list_value().values()) {
    const std::string path = absl::StrCat("messages[", episode->messages_size(), "]");
    absl::Status status = ReadMessage(message, path, options, episode->add_messages());
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status ReadAgents(const Struct& record, const LogImportOptions& options,
                        v1::Episode* episode) {
  const Value* agents = Get(record, "agents");
  if (agents != nullptr && !agents->has_list_value()) return WrongType("agents", "a list", agents);
  if (agents != nullptr) {
    int index = 0;
    for (const Value& agent : agents->list_value().values()) {
      std::string name;
      const Value* value = agent.has_null_value() ? nullptr : &agent;
      absl::Status status = ReadText(value, absl::StrCat("agents[", index++, "]"), &name);
      if (!status.ok()) return status;
      if (HasName(name, options)) episode->add_agents()->set_id(name);
    }
  }
  NameAgents(episode);
  if (!options.kinds) return absl::OkStatus();
  for (v1::Agent& agent : *episode->mutable_agents()) agent.set_kind(KindOf(agent.id(), options));
  return absl::OkStatus();
}

absl::Status ReadLabel(const Struct& record, v1::Episode* episode) {
  const Value* label = Get(record, "label");
  if (label == nullptr) return absl::OkStatus();
  if (!label->has_struct_value()) return WrongType("label", "an object", label);
  absl::StatusOr<int> index = ReadIndex(label->struct_value(), "label.", "first_error_index");
  if (!index.ok()) return index.status();
  if (*index < 0) return absl::OkStatus();
  if (*index >= episode->messages_size()) {
    return absl::InvalidArgumentError(absl::StrCat("label.first_error_index: no message ", *index));
  }
  episode->mutable_messages(*index)->set_first_error(true);
  return absl::OkStatus();
}

}  // namespace

void NameAgents(v1::Episode* episode) {
  if (episode->agents_size() > 0) return;
  std::set<std::string> seen;
  for (const v1::Message& message : episode->messages()) {
    if (!message.agent_id().empty() && seen.insert(message.agent_id()).second) {
      episode->add_agents()->set_id(message.agent_id());
    }
  }
}

void ApplyChoices(const LogImportOptions& options, v1::Episode* episode) {
  if (!options.keep_labels) {
    for (v1::Message& message : *episode->mutable_messages()) message.clear_first_error();
  }
  if (options.kinds) {
    for (v1::Agent& agent : *episode->mutable_agents()) {
      if (agent.kind() == v1::AGENT_KIND_UNSPECIFIED) agent.set_kind(KindOf(agent.id(), options));
    }
    return;
  }
  if (options.context_agents.empty()) return;
  for (v1::Message& message : *episode->mutable_messages()) {
    if (IsContext(message.agent_id(), options)) message.clear_agent_id();
  }
  auto& agents = *episode->mutable_agents();
  agents.erase(
      std::remove_if(agents.begin(), agents.end(),
                     [&](const v1::Agent& agent) { return IsContext(agent.id(), options); }),
      agents.end());
}

absl::StatusOr<v1::Episode> ImportLogRecord(const std::string& json,
                                            const LogImportOptions& options) {
  Struct record;
  absl::Status status = ParseJson(json, &record);
  v1::Episode episode;
  if (status.ok()) status = ReadText(record, "", "id", episode.mutable_id());
  if (status.ok()) status = ReadText(record, "", "task", episode.mutable_task()->mutable_prompt());
  const bool given = Get(record, "reference_answer") != nullptr;
  std::string* reference = episode.mutable_task()->mutable_reference_answer();
  if (status.ok()) {
    status = ReadText(record, "", given ? "reference_answer" : "ground_truth", reference);
  }
  if (status.ok()) status = ReadOutcome(record, &episode);
  if (status.ok()) status = ReadMessages(record, options, &episode);
  if (status.ok()) status = ReadAgents(record, options, &episode);
  if (status.ok() && options.keep_labels) status = ReadLabel(record, &episode);
  if (!status.ok()) return status;
  return episode;
}

}  // namespace assay::command
