#include "server/session/groups.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/session/group_pairs.h"
#include "server/wire/errors.h"

namespace assay::service {
namespace {

constexpr size_t kMinForTimeout = 2;

}  // namespace

Groups::Groups(std::shared_ptr<const ResolvedOptions> options, const Limits& limits,
               absl::Duration timeout, int64_t max_bytes)
    : options_(std::move(options)), limits_(limits), timeout_(timeout), max_bytes_(max_bytes) {}

bool Groups::MakeRoom() {
  if (groups_.size() < static_cast<size_t>(limits_.max_open_groups)) return true;
  const auto gone = std::find_if(groups_.begin(), groups_.end(), [](const auto& entry) {
    return entry.second.out && entry.second.unanswered == 0 && !entry.second.unfinished;
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
    it->second.parallel = wire.parallel();
    it->second.deadline =
        timeout_ == absl::ZeroDuration() ? absl::InfiniteFuture() : now + timeout_;
    return it;
  }
  if (wire.size() != it->second.announced) {
    return Invalid("group.size", absl::StrCat("is ", wire.size(), ", the group announced ",
                                              it->second.announced));
  }
  if (wire.parallel() != it->second.parallel) {
    return Invalid("group.parallel", "differs from the other episodes of the group");
  }
  return it;
}

absl::Status Groups::Join(const v1::Episode& episode, const EpisodeWork* work, absl::Time now) {
  const int64_t bytes = AnsweredMember::BytesFor(episode);
  while (bytes_ + bytes > max_bytes_ && LetEpisodesGo()) {
  }
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
  entry = Entry();
  entry.bytes = bytes;
  if (WantsPairs(*options_->options)) entry.transcript.emplace(episode);
  if (work != nullptr && WantsTeams(*options_->options)) {
    entry.source = MakeTeamSource(*work);
    entry.source_bytes = MemoryOf(episode, static_cast<int64_t>(episode.ByteSizeLong()));
  }
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
    group.members.emplace(entry->first,
                          AnsweredMember(*signals, std::move(entry->second.transcript)));
    KeepEpisode(&entry->second, &group);
  } else {
    Release(&entry->second);
    entry->second.source.reset();
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
  if (group.out && !group.unfinished && group.unanswered == 0 && !more_may_come) Forget(it);
}

void Groups::Emit(const std::string& id, Group* group) {
  GroupWork& work = ready_.emplace_back();
  work.id = id;
  work.options = options_;
  std::map<std::string, TeamSource> sources;
  for (auto& [episode, entry] : group->entries) {
    if (entry.state != State::kAnswered) {
      work.missing.push_back(episode);
    } else {
      if (entry.source.has_value()) sources.emplace(episode, *std::move(entry.source));
      group->work_bytes += std::exchange(entry.bytes, 0);
    }
    entry.source.reset();
  }
  work.never_sent = std::max(0, group->announced - static_cast<int>(group->entries.size()));
  work.members = std::exchange(group->members, {});
  AddTeams(sources, &work);
  const int64_t more = work.PlanBytes();
  bytes_ += more;
  group->work_bytes += more + std::exchange(group->episode_bytes, 0);
  work.bytes = group->work_bytes;
  group->out = true;
  group->unfinished = true;
}

void Groups::Done(absl::string_view group_id) {
  const auto it = groups_.find(group_id);
  if (it == groups_.end() || !it->second.unfinished) return;
  Group& group = it->second;
  group.unfinished = false;
  bytes_ -= std::exchange(group.work_bytes, 0);
  Settle(it, absl::InfinitePast());
}

// While it was unanswered, the episode counted among those in flight.
void Groups::KeepEpisode(Entry* entry, Group* group) {
  if (!entry->source.has_value() || entry->source->context == nullptr) return;
  if (group->let_go) {
    entry->source->context = nullptr;
    return;
  }
  bytes_ += entry->source_bytes;
  group->episode_bytes += entry->source_bytes;
  while (bytes_ > max_bytes_ && LetEpisodesGo()) {
  }
}

void Groups::LetEpisodesGo(Group* group) {
  group->let_go = true;
  for (auto& [id, entry] : group->entries) {
    if (entry.source.has_value()) entry.source->context = nullptr;
  }
  bytes_ -= std::exchange(group->episode_bytes, 0);
}

bool Groups::LetEpisodesGo() {
  const auto most = std::max_element(
      groups_.begin(), groups_.end(),
      [](const auto& a, const auto& b) { return a.second.episode_bytes < b.second.episode_bytes; });
  if (most == groups_.end() || most->second.episode_bytes == 0) return false;
  LetEpisodesGo(&most->second);
  return true;
}

void Groups::Release(Entry* entry) {
  bytes_ -= entry->bytes;
  entry->bytes = 0;
}

void Groups::Forget(GroupMap::iterator it) {
  for (auto& [episode, entry] : it->second.entries) Release(&entry);
  bytes_ -= it->second.episode_bytes + it->second.work_bytes;
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

std::vector<GroupWork> Groups::TakeReady() { return std::exchange(ready_, {}); }

}  // namespace assay::service
