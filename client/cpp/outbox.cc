#include "client/cpp/outbox.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace assay::client {
namespace {

absl::Duration RetryAfter(const v1::Error& error) {
  return absl::Seconds(error.retry_after().seconds()) +
         absl::Nanoseconds(error.retry_after().nanos());
}

// Whether the group of this episode has it, with signals or as missing. What the server turned away
// at its door the group never heard of: one to be sent again, a wrong id, a wrong group.
bool Counts(const v1::EpisodeResult& result) {
  if (!result.has_error()) return true;
  const std::string& message = result.error().message();
  const std::string field = message.substr(0, message.find_first_of(":."));
  return !result.error().has_retry_after() && field != "id" && field != "group";
}

}  // namespace

absl::Status Outbox::Add(std::shared_ptr<const v1::Episode> episode) {
  auto [it, added] = entries_.try_emplace(episode->id());
  if (!added) {
    return absl::AlreadyExistsError(
        absl::StrCat("id: episode \"", episode->id(), "\" is still unanswered"));
  }
  it->second = std::make_unique<Entry>();
  Entry& entry = *it->second;
  entry.bytes = static_cast<int64_t>(episode->ByteSizeLong());
  entry.sequence = next_sequence_++;
  entry.group_open = episode->has_group();
  entry.episode = std::move(episode);
  if (entry.group_open) {
    Join(&entry);
  } else {
    Wait(&entry);
  }
  return absl::OkStatus();
}

void Outbox::Join(Entry* entry) {
  const v1::Group& wire = entry->episode->group();
  std::deque<Group>& groups = groups_[wire.id()];
  if (groups.empty() || groups.back().full()) groups.push_back({wire.size(), {}});
  groups.back().ids.push_back(entry->episode->id());
  if (groups.size() == 1) return Wait(entry);
  entry->state = State::kParked;
  ++parked_;
  waiting_bytes_ += entry->bytes;
}

void Outbox::StartStream() {
  credits_ = Credits{};
  in_flight_ = 0;
  in_flight_bytes_ = 0;
  delayed_.clear();
  waiting_.clear();
  waiting_bytes_ = 0;
  for (auto& [id, entry] : entries_) {
    if (entry->state == State::kParked) {
      waiting_bytes_ += entry->bytes;
    } else {
      Wait(entry.get());
    }
  }
}

bool Outbox::CanTake(absl::Time now) const {
  const Entry* next = nullptr;
  if (!waiting_.empty()) {
    next = waiting_.begin()->second;
  } else if (!delayed_.empty() && delayed_.begin()->first <= now) {
    next = delayed_.begin()->second;
  }
  if (next == nullptr || in_flight_ >= credits_.episodes) return false;
  return in_flight_ == 0 || in_flight_bytes_ + next->bytes <= credits_.bytes;
}

std::shared_ptr<const v1::Episode> Outbox::Take(absl::Time now) {
  if (!CanTake(now)) return nullptr;
  Entry* entry;
  if (!waiting_.empty()) {
    entry = waiting_.begin()->second;
    waiting_.erase(waiting_.begin());
  } else {
    entry = delayed_.begin()->second;
    delayed_.erase(delayed_.begin());
  }
  waiting_bytes_ -= entry->bytes;
  entry->state = State::kInFlight;
  ++in_flight_;
  in_flight_bytes_ += entry->bytes;
  return entry->episode;
}

absl::Time Outbox::NextDue() const {
  return delayed_.empty() ? absl::InfiniteFuture() : delayed_.begin()->first;
}

bool Outbox::OnResult(const v1::EpisodeResult& result, absl::Time now) {
  const auto it = entries_.find(result.episode_id());
  if (it == entries_.end() || it->second->state != State::kInFlight) return false;
  Entry& entry = *it->second;
  --in_flight_;
  in_flight_bytes_ -= entry.bytes;

  const bool turned_away = result.has_error() && result.error().has_retry_after();
  if (turned_away && entry.retries < max_retries_) {
    ++entry.retries;
    entry.state = State::kDelayed;
    waiting_bytes_ += entry.bytes;
    delayed_.emplace(now + RetryAfter(result.error()), &entry);
    return false;
  }

  entry.counted = Counts(result);
  const bool news = !entry.delivered;
  entry.delivered = true;
  entry.state = State::kAnswered;
  if (!entry.group_open) {
    Forget(result.episode_id());
  } else if (turned_away) {
    v1::GroupResult& group = given_up_.emplace_back();
    group.set_group_id(entry.episode->group().id());
    *group.mutable_error() = result.error();
    group.mutable_error()->clear_retry_after();
    CloseGroup(group.group_id());
  }
  return news;
}

bool Outbox::OnGroup(const v1::GroupResult& result) {
  const auto it = groups_.find(result.group_id());
  if (it == groups_.end()) return false;
  const std::vector<std::string>& ids = it->second.front().ids;
  for (const v1::EpisodeAdvantages& episode : result.signals().episodes()) {
    // Of a group that was given up, and whose id came again.
    if (std::find(ids.begin(), ids.end(), episode.episode_id()) == ids.end()) return false;
  }
  CloseGroup(result.group_id());
  return true;
}

void Outbox::CloseGroup(const std::string& id) {
  const auto it = groups_.find(id);
  const Group closed = std::move(it->second.front());
  it->second.pop_front();
  for (const std::string& member : closed.ids) {
    Entry& entry = *entries_.at(member);
    entry.group_open = false;
    // Otherwise the group was answered before this member, by its timeout.
    if (entry.state == State::kAnswered) Forget(member);
  }
  if (it->second.empty()) {
    groups_.erase(it);
    return;
  }
  for (const std::string& member : it->second.front().ids) {
    Entry& entry = *entries_.at(member);
    --parked_;
    waiting_bytes_ -= entry.bytes;
    Wait(&entry);
  }
}

std::shared_ptr<const v1::Episode> Outbox::Find(absl::string_view id) const {
  const auto it = entries_.find(id);
  return it == entries_.end() ? nullptr : it->second->episode;
}

bool Outbox::owes_group() const {
  absl::flat_hash_map<absl::string_view, int> answered;
  for (const auto& [id, entry] : entries_) {
    if (!entry->group_open || entry->state != State::kAnswered || !entry->counted) continue;
    const v1::Group& group = entry->episode->group();
    if (++answered[group.id()] == group.size()) return true;
  }
  return false;
}

void Outbox::Wait(Entry* entry) {
  entry->state = State::kWaiting;
  waiting_.emplace(entry->sequence, entry);
  waiting_bytes_ += entry->bytes;
}

void Outbox::Forget(const std::string& id) { entries_.erase(entries_.find(id)); }

}  // namespace assay::client
