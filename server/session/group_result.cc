#include "server/session/group_result.h"

#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/blame/pairs/pairs.h"
#include "server/session/group_pairs.h"
#include "server/signals/advantages.h"
#include "server/wire/convert.h"
#include "server/wire/enums.h"
#include "server/wire/errors.h"
#include "server/wire/option_effects.h"
#include "server/wire/validate.h"

namespace assay::service {
namespace {

using recombination::Recombined;

void RecombinedToWire(const signals::GroupMember& member, absl::Span<const double> values,
                      absl::Span<const double> std_errors, v1::EpisodeAdvantages* wire) {
  for (size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(values[i])) continue;
    v1::RecombinedValue* value = wire->add_recombined();
    value->set_agent_id(member.agents[i].id);
    value->set_value(Plain(values[i]));
    value->set_std_error(Plain(std_errors[i]));
  }
}

void AdvantagesToWire(const signals::GroupMember& member, const signals::MemberAdvantages& computed,
                      v1::EpisodeAdvantages* wire) {
  wire->set_episode_id(member.id);
  wire->set_outcome_advantage(Plain(computed.outcome));
  wire->mutable_messages()->Reserve(static_cast<int>(member.messages.size()));
  for (size_t k = 0; k < member.messages.size(); ++k) {
    v1::MessageAdvantage* message = wire->add_messages();
    message->set_index(member.messages[k].index);
    message->set_local_advantage(Plain(computed.local[k]));
    message->set_advantage(Plain(computed.advantage[k]));
    message->set_outcome_advantage(Plain(computed.by_agent[member.messages[k].agent]));
  }
}

absl::Status MakeGroupSignals(const std::map<std::string, AnsweredMember>& members,
                              const signals::AdvantageOptions& options,
                              const Recombined* recombined, v1::GroupSignals* wire) {
  std::vector<const signals::GroupMember*> numbers;
  numbers.reserve(members.size());
  for (const auto& [id, member] : members) numbers.push_back(&member.numbers());
  const absl::Span<const double> values =
      recombined != nullptr ? absl::MakeConstSpan(recombined->values) : absl::Span<const double>();
  const absl::Span<const double> noise =
      recombined != nullptr ? absl::MakeConstSpan(recombined->noise) : absl::Span<const double>();
  const absl::StatusOr<signals::GroupAdvantages> advantages =
      signals::ComputeAdvantages(numbers, options, {values, noise});
  if (!advantages.ok()) return advantages.status();
  wire->set_used(static_cast<int32_t>(members.size()));
  wire->set_mean_score(Plain(advantages->mean_score));
  wire->set_std_score(Plain(advantages->std_score));
  wire->set_outcome_part(EnumToWire(advantages->outcome_part));
  wire->set_credit_part(EnumToWire(advantages->credit_part));
  wire->set_reliability(advantages->reliability);
  wire->set_weight(advantages->weight);
  wire->set_parallel(advantages->parallel);
  wire->mutable_episodes()->Reserve(static_cast<int>(numbers.size()));
  for (size_t e = 0; e < numbers.size(); ++e) {
    v1::EpisodeAdvantages* episode = wire->add_episodes();
    AdvantagesToWire(*numbers[e], advantages->members[e], episode);
    if (recombined == nullptr) continue;
    const size_t agents = recombined->agents;
    RecombinedToWire(*numbers[e], values.subspan(e * agents, agents),
                     absl::MakeConstSpan(recombined->std_errors).subspan(e * agents, agents),
                     episode);
  }
  return absl::OkStatus();
}

// What became of the teams; nothing where none was to be asked about.
void AddRecombined(const GroupWork& work, const AskedTeams& asked, v1::GroupSignals* wire) {
  if (work.evaluator == nullptr) return;
  v1::Recombined* recombined = wire->mutable_recombined();
  recombined->set_evaluator(std::string(work.evaluator->name()));
  if (asked.has_value() && asked->ok()) {
    recombined->set_questions(static_cast<int32_t>((*asked)->questions));
    recombined->set_samples(static_cast<int32_t>((*asked)->samples));
    recombined->set_siblings((*asked)->siblings);
    return;
  }
  const absl::Status why = asked.has_value() ? asked->status() : work.without;
  *recombined->mutable_error() = ErrorToWire(why);
}

absl::Status MakeGroupSignals(const GroupWork& work, const AskedTeams& asked,
                              v1::GroupSignals* wire) {
  if (work.members.empty()) {
    return absl::FailedPreconditionError("no episode of the group was answered with signals");
  }
  signals::AdvantageOptions options = work.options->options->advantages;
  if (options.outcome == signals::OutcomePart::kRecombined) {
    if (!work.refused.ok()) return Lacks("options.advantages.outcome", work.refused.message());
    // Asked for by name, and through no fault of the group not to be had.
    if (!asked.has_value() || !asked->ok()) options.outcome = signals::OutcomePart::kAuto;
  }
  const Recombined* recombined = asked.has_value() && asked->ok() ? &**asked : nullptr;
  absl::Status made = MakeGroupSignals(work.members, options, recombined, wire);
  if (!made.ok()) return made;
  wire->set_group_id(work.id);
  wire->mutable_missing_episode_ids()->Add(work.missing.begin(), work.missing.end());
  wire->set_never_sent(work.never_sent);
  AddRecombined(work, asked, wire);
  AddPairs(work, recombined, wire);
  return absl::OkStatus();
}

}  // namespace

void MakeGroupResult(const GroupWork& work, const AskedTeams& asked, v1::GroupResult* result) {
  result->set_group_id(work.id);
  const absl::Status made = MakeGroupSignals(work, asked, result->mutable_signals());
  if (!made.ok()) *result->mutable_error() = ErrorToWire(made);
}

void FitInto(int64_t max_response_bytes, v1::GroupResult* result) {
  const auto needed = static_cast<int64_t>(result->ByteSizeLong());
  if (needed > max_response_bytes) {
    *result->mutable_error() = ErrorToWire(ResponseTooLarge(needed, max_response_bytes));
  }
}

absl::StatusOr<v1::ComputeAdvantagesResponse> ComputeAdvantages(
    const v1::ComputeAdvantagesRequest& request, const Limits& limits) {
  absl::StatusOr<signals::ValueRange> range =
      ResolveRange(request.has_value_range() ? &request.value_range() : nullptr);
  if (!range.ok()) return range.status();
  v1::AdvantageOptions resolved = request.options();
  absl::StatusOr<signals::AdvantageOptions> advantages =
      ResolveAdvantages(&resolved, *range, "options.");
  if (!advantages.ok()) return advantages.status();
  if (absl::Status idle = CheckEffects(resolved, "options."); !idle.ok()) return idle;
  if (request.episodes_size() == 0) return Missing("episodes");
  if (request.episodes_size() > limits.max_episodes_per_call) {
    return OverLimit("episodes", request.episodes_size(), limits.max_episodes_per_call);
  }
  std::map<std::string, std::map<std::string, AnsweredMember>> groups;
  std::vector<std::string> order;
  for (int e = 0; e < request.episodes_size(); ++e) {
    const v1::EpisodeSignals& episode = request.episodes(e);
    const std::string at = absl::StrCat("episodes[", e, "].");
    if (absl::Status valid = ValidateMember(episode, *range, limits, at); !valid.ok()) {
      return valid;
    }
    auto [group, opened] = groups.try_emplace(episode.group().id());
    if (opened) order.push_back(episode.group().id());
    if (!group->second.emplace(episode.episode_id(), AnsweredMember(episode)).second) {
      return DuplicateId(at + "episode_id", episode.episode_id());
    }
    if (static_cast<int>(group->second.size()) > limits.max_group_size) {
      return OverLimit("episodes", group->second.size(), limits.max_group_size);
    }
  }
  v1::ComputeAdvantagesResponse response;
  for (const std::string& id : order) {
    v1::GroupResult* result = response.add_groups();
    result->set_group_id(id);
    v1::GroupSignals* wire = result->mutable_signals();
    wire->set_group_id(id);
    const absl::Status made = MakeGroupSignals(groups.at(id), *advantages, nullptr, wire);
    if (!made.ok()) *result->mutable_error() = ErrorToWire(made);
    FitInto(limits.max_transport_bytes, result);
  }
  return response;
}

}  // namespace assay::service
