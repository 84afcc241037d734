#include "server/session/groups.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "server/blame/pairs/pairs.h"
#include "server/signals/advantages.h"
#include "server/signals/findings.h"
#include "server/wire/convert.h"
#include "server/wire/digest.h"
#include "server/wire/errors.h"
#include "server/wire/option_effects.h"
#include "server/wire/validate.h"

namespace assay::service {
namespace {

constexpr size_t kMinForTimeout = 2;
// Nodes of maps and headers of strings and vectors, roughly.
constexpr int64_t kMemberOverhead = 512;
constexpr int64_t kAgentOverhead = 64;

bool WantsPairs(const signals::Options& options) {
  const blame::PairOptions pairs = signals::BlamePairOptions(options);
  return pairs.Wants(blame::PairKind::kSibling) || pairs.Wants(blame::PairKind::kSuffix) ||
         pairs.Wants(blame::PairKind::kTrajectory);
}

blame::GroupEpisode ToGroupEpisode(const GroupMember& member) {
  const Transcript& transcript = *member.transcript();
  blame::GroupEpisode episode;
  episode.task = transcript.task;
  episode.score = member.numbers().score;
  episode.turns.reserve(transcript.turns.size());
  for (const Transcript::Turn& turn : transcript.turns) {
    const absl::string_view agent =
        turn.agent < 0 ? absl::string_view() : absl::string_view(transcript.agents[turn.agent]);
    episode.turns.push_back({agent, absl::string_view(turn.digest.data(), turn.digest.size())});
  }
  return episode;
}

void AddPairs(const std::map<std::string, GroupMember>& members, const signals::Options& options,
              v1::GroupSignals* wire) {
  std::vector<blame::GroupEpisode> episodes;
  std::vector<const std::string*> ids;
  for (const auto& [id, member] : members) {
    if (!member.transcript().has_value()) continue;
    episodes.push_back(ToGroupEpisode(member));
    ids.push_back(&id);
  }
  if (episodes.size() < 2) return;
  for (const blame::Pair& pair : blame::GroupPairs(episodes, options.range.low, options.range.high,
                                                   signals::BlamePairOptions(options))) {
    ToWire(
        pair, [&ids](int episode) -> const std::string& { return *ids[episode]; },
        wire->add_pairs());
  }
}

}  // namespace

Transcript::Transcript(const v1::Episode& episode) : task(Sha256(episode.task())) {
  absl::flat_hash_map<absl::string_view, int32_t> index;
  for (const v1::Agent& agent : episode.agents()) {
    index.emplace(agent.id(), static_cast<int32_t>(agents.size()));
    agents.push_back(agent.id());
  }
  turns.reserve(episode.messages_size());
  for (const v1::Message& message : episode.messages()) {
    const auto author = index.find(message.agent_id());
    Turn& turn = turns.emplace_back();
    turn.agent = author == index.end() ? -1 : author->second;
    const std::string digest = Sha256(absl::string_view(message.content()));
    std::copy_n(digest.begin(), turn.digest.size(), turn.digest.begin());
  }
}

GroupMember::GroupMember(const v1::EpisodeSignals& signals, std::optional<Transcript> transcript)
    : transcript_(std::move(transcript)) {
  numbers_.id = signals.episode_id();
  numbers_.score = signals.score();
  numbers_.parallel = signals.parallel();
  numbers_.owen_values = signals.owen_values();
  absl::flat_hash_map<absl::string_view, int> index;
  numbers_.agents.reserve(signals.agents_size());
  for (const v1::AgentCredit& wire : signals.agents()) {
    index.emplace(wire.agent_id(), static_cast<int>(numbers_.agents.size()));
    signals::MemberAgent& agent = numbers_.agents.emplace_back();
    agent.id = wire.agent_id();
    agent.policy = wire.policy().empty() ? wire.agent_id() : wire.policy();
    agent.credit = wire.credit();
    agent.std_error = wire.std_error();
    if (wire.has_value_without()) agent.value_without = wire.value_without();
  }
  numbers_.messages.reserve(signals.messages_size());
  for (const v1::MessageSignal& wire : signals.messages()) {
    signals::MemberMessage& message = numbers_.messages.emplace_back();
    message.index = wire.index();
    message.agent = index.at(wire.agent_id());
    if (wire.has_credit()) message.credit = wire.credit();
    if (wire.has_value_change()) message.value_change = wire.value_change();
    message.value_change_variance = wire.value_change_variance();
    if (wire.has_process_score()) message.process_score = wire.process_score();
  }
}

int64_t GroupMember::BytesFor(const v1::Episode& episode) {
  int64_t bytes = kMemberOverhead + 2 * static_cast<int64_t>(episode.id().size());
  for (const v1::Agent& agent : episode.agents()) {
    bytes += static_cast<int64_t>(sizeof(signals::MemberAgent)) + kAgentOverhead +
             static_cast<int64_t>(agent.id().size() +
                                  std::max(agent.id().size(), agent.policy().size()));
  }
  return 2 * bytes + episode.messages_size() * static_cast<int64_t>(sizeof(signals::MemberMessage) +
                                                                    sizeof(Transcript::Turn));
}

namespace {

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

absl::StatusOr<v1::GroupSignals> MakeGroupSignals(absl::string_view group_id,
                                                  const std::map<std::string, GroupMember>& members,
                                                  const signals::Options& options) {
  std::vector<const signals::GroupMember*> numbers;
  numbers.reserve(members.size());
  for (const auto& [id, member] : members) numbers.push_back(&member.numbers());
  const absl::StatusOr<signals::GroupAdvantages> advantages =
      signals::ComputeAdvantages(numbers, options.advantages);
  if (!advantages.ok()) return advantages.status();
  v1::GroupSignals wire;
  wire.set_group_id(std::string(group_id));
  wire.set_used(static_cast<int32_t>(members.size()));
  wire.set_mean_score(Plain(advantages->mean_score));
  wire.set_std_score(Plain(advantages->std_score));
  wire.set_outcome_part(ToWire(advantages->outcome_part));
  wire.set_credit_part(ToWire(advantages->credit_part));
  wire.set_reliability(advantages->reliability);
  wire.set_weight(advantages->weight);
  wire.set_parallel(advantages->parallel);
  wire.mutable_episodes()->Reserve(static_cast<int>(numbers.size()));
  for (size_t e = 0; e < numbers.size(); ++e) {
    AdvantagesToWire(*numbers[e], advantages->members[e], wire.add_episodes());
  }
  AddPairs(members, options, &wire);
  return wire;
}

}  // namespace

Groups::Groups(const signals::Options& options, const Limits& limits, absl::Duration timeout,
               int64_t max_response_bytes, int64_t max_bytes)
    : options_(options),
      limits_(limits),
      timeout_(timeout),
      max_response_bytes_(max_response_bytes),
      max_bytes_(max_bytes) {}

bool Groups::MakeRoom() {
  if (groups_.size() < static_cast<size_t>(limits_.max_open_groups)) return true;
  const auto gone = std::find_if(groups_.begin(), groups_.end(), [](const auto& entry) {
    return entry.second.out && entry.second.unanswered == 0;
  });
  if (gone == groups_.end()) return false;
  Forget(gone);
  return true;
}

absl::StatusOr<Groups::GroupMap::iterator> Groups::FindOrOpen(const v1::Group& wire,
                                                              absl::Time now) {
  auto it = groups_.find(wire.id());
  if (it == groups_.end()) {
    if (!MakeRoom()) {
      return absl::ResourceExhaustedError(
          absl::StrCat("group.id: ", limits_.max_open_groups, " groups are unanswered already"));
    }
    it = groups_.emplace(wire.id(), Group()).first;
    it->second.announced = wire.size();
    it->second.deadline =
        timeout_ == absl::ZeroDuration() ? absl::InfiniteFuture() : now + timeout_;
    return it;
  }
  if (wire.size() != it->second.announced) {
    return Invalid("group.size", absl::StrCat("is ", wire.size(), ", the group announced ",
                                              it->second.announced));
  }
  return it;
}

absl::Status Groups::Join(const v1::Episode& episode, absl::Time now) {
  const int64_t bytes = GroupMember::BytesFor(episode);
  if (bytes_ + bytes > max_bytes_) {
    return absl::ResourceExhaustedError(
        "group: the unanswered groups of this stream hold too many messages");
  }
  absl::StatusOr<GroupMap::iterator> found = FindOrOpen(episode.group(), now);
  if (!found.ok()) return found.status();
  Group& group = (*found)->second;
  const auto known = group.entries.find(episode.id());
  if (known != group.entries.end() && known->second.state != State::kMissing) {
    return absl::AlreadyExistsError("id: the group holds this episode already");
  }
  const int limit = group.announced > 0 ? group.announced : limits_.max_group_size;
  if (known == group.entries.end() && static_cast<int>(group.entries.size()) >= limit) {
    return Invalid("group.size", absl::StrCat("the group has its ", limit, " episodes already"));
  }
  Entry& entry = group.entries[episode.id()];
  entry = {State::kUnanswered, bytes, std::nullopt};
  if (WantsPairs(options_)) entry.transcript.emplace(episode);
  bytes_ += bytes;
  ++group.unanswered;
  return absl::OkStatus();
}

void Groups::Answered(absl::string_view group_id, absl::string_view episode_id,
                      const v1::EpisodeSignals* signals, absl::Time now) {
  const auto it = groups_.find(group_id);
  if (it == groups_.end()) return;
  Group& group = it->second;
  const auto entry = group.entries.find(episode_id);
  if (entry == group.entries.end() || entry->second.state != State::kUnanswered) return;
  --group.unanswered;
  entry->second.state = signals != nullptr ? State::kAnswered : State::kMissing;
  if (signals != nullptr && !group.out) {
    group.members.emplace(entry->first, GroupMember(*signals, std::move(entry->second.transcript)));
  } else {
    Release(&entry->second);
  }
  entry->second.transcript.reset();
  Settle(it, now);
}

void Groups::Settle(GroupMap::iterator it, absl::Time now) {
  Group& group = it->second;
  const bool all_read =
      group.announced > 0 && static_cast<int>(group.entries.size()) >= group.announced;
  const bool complete = group.unanswered == 0 && (all_read || closed_);
  const bool late = now >= group.deadline && group.members.size() >= kMinForTimeout;
  if (!group.out && (complete || late)) Emit(it->first, &group);
  const bool more_may_come = group.announced > 0 && !all_read && !closed_;
  if (group.out && group.unanswered == 0 && !more_may_come) Forget(it);
}

void Groups::Emit(const std::string& id, Group* group) {
  std::vector<std::string> missing;
  for (const auto& [episode, entry] : group->entries) {
    if (entry.state != State::kAnswered) missing.push_back(episode);
  }
  const int never_sent = std::max(0, group->announced - static_cast<int>(group->entries.size()));
  ready_.push_back(
      MakeGroupResult(id, group->members, missing, never_sent, options_, max_response_bytes_));
  group->out = true;
  group->members.clear();
  for (auto& [episode, entry] : group->entries) {
    if (entry.state == State::kAnswered) Release(&entry);
  }
}

void Groups::Release(Entry* entry) {
  bytes_ -= entry->bytes;
  entry->bytes = 0;
}

void Groups::Forget(GroupMap::iterator it) {
  for (auto& [episode, entry] : it->second.entries) Release(&entry);
  groups_.erase(it);
}

void Groups::OnTime(absl::Time now) {
  for (auto it = groups_.begin(); it != groups_.end();) {
    const auto current = it++;
    if (!current->second.out && now >= current->second.deadline) Settle(current, now);
  }
}

absl::Time Groups::next_time() const {
  absl::Time next = absl::InfiniteFuture();
  if (timeout_ == absl::ZeroDuration()) return next;
  for (const auto& [id, group] : groups_) {
    if (!group.out && group.members.size() >= kMinForTimeout) next = std::min(next, group.deadline);
  }
  return next;
}

void Groups::Close() {
  closed_ = true;
  for (auto it = groups_.begin(); it != groups_.end();) {
    const auto current = it++;
    Settle(current, absl::InfinitePast());
  }
}

std::vector<v1::GroupResult> Groups::TakeReady() { return std::exchange(ready_, {}); }

v1::GroupResult MakeGroupResult(absl::string_view group_id,
                                const std::map<std::string, GroupMember>& members,
                                const std::vector<std::string>& missing, int never_sent,
                                const signals::Options& options, int64_t max_response_bytes) {
  v1::GroupResult result;
  result.set_group_id(std::string(group_id));
  if (members.empty()) {
    *result.mutable_error() =
        ToWire(absl::FailedPreconditionError("no episode of the group was answered with signals"));
    return result;
  }
  absl::StatusOr<v1::GroupSignals> made = MakeGroupSignals(group_id, members, options);
  if (!made.ok()) {
    *result.mutable_error() = ToWire(made.status());
    return result;
  }
  v1::GroupSignals* wire = result.mutable_signals();
  *wire = *std::move(made);
  wire->mutable_missing_episode_ids()->Add(missing.begin(), missing.end());
  wire->set_never_sent(never_sent);
  const auto needed = static_cast<int64_t>(result.ByteSizeLong());
  if (needed > max_response_bytes) {
    *result.mutable_error() = ToWire(ResponseTooLarge(needed, max_response_bytes));
  }
  return result;
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
  signals::Options options;
  options.range = *range;
  options.advantages = *advantages;
  if (request.episodes_size() == 0) return Missing("episodes");
  if (request.episodes_size() > limits.max_episodes_per_call) {
    return OverLimit("episodes", request.episodes_size(), limits.max_episodes_per_call);
  }
  std::map<std::string, std::map<std::string, GroupMember>> groups;
  std::vector<std::string> order;
  for (int e = 0; e < request.episodes_size(); ++e) {
    const v1::EpisodeSignals& episode = request.episodes(e);
    const std::string at = absl::StrCat("episodes[", e, "].");
    if (absl::Status valid = ValidateMember(episode, *range, limits, at); !valid.ok()) {
      return valid;
    }
    auto [group, opened] = groups.try_emplace(episode.group().id());
    if (opened) order.push_back(episode.group().id());
    if (!group->second.emplace(episode.episode_id(), GroupMember(episode)).second) {
      return DuplicateId(at + "episode_id", episode.episode_id());
    }
    if (static_cast<int>(group->second.size()) > limits.max_group_size) {
      return OverLimit("episodes", group->second.size(), limits.max_group_size);
    }
  }
  v1::ComputeAdvantagesResponse response;
  for (const std::string& id : order) {
    *response.add_groups() =
        MakeGroupResult(id, groups.at(id), {}, 0, options, limits.max_transport_bytes);
  }
  return response;
}

}  // namespace assay::service
