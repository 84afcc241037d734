#include "client/cpp/outbox.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace assay::client {
namespace {

absl::Duration RetryAfter(const v1::Error& error) {
  return absl::Seconds(error.retry_after().seconds()) +
         absl::Nanoseconds(error.retry_after().nanos());
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
  if (entry.group_open) groups_[episode->group().id()].push_back(episode->id());
  entry.episode = std::move(episode);
  Wait(&entry);
  return absl::OkStatus();
}

void Outbox::StartStream() {
  credits_ = Credits{};
  in_flight_ = 0;
  in_flight_bytes_ = 0;
  delayed_.clear();
  waiting_.clear();
  waiting_bytes_ = 0;
  for (auto& [id, entry] : entries_) Wait(entry.get());
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

  if (result.has_error() && result.error().has_retry_after() && !entry.episode->has_group() &&
      entry.retries < max_retries_) {
    ++entry.retries;
    entry.state = State::kDelayed;
    waiting_bytes_ += entry.bytes;
    delayed_.emplace(now + RetryAfter(result.error()), &entry);
    return false;
  }

  const bool news = !entry.delivered;
  entry.delivered = true;
  entry.state = State::kAnswered;
  if (!entry.group_open) Forget(result.episode_id());
  return news;
}

bool Outbox::OnGroup(const v1::GroupResult& result) {
  const auto it = groups_.find(result.group_id());
  if (it == groups_.end()) return false;
  const std::vector<std::string> ids = std::move(it->second);
  groups_.erase(it);
  for (const std::string& id : ids) {
    Entry& entry = *entries_.at(id);
    entry.group_open = false;
    // Otherwise the group was answered before this member, by its timeout.
    if (entry.state == State::kAnswered) Forget(id);
  }
  return true;
}

std::shared_ptr<const v1::Episode> Outbox::Find(absl::string_view id) const {
  const auto it = entries_.find(id);
  return it == entries_.end() ? nullptr : it->second->episode;
}

void Outbox::Wait(Entry* entry) {
  entry->state = State::kWaiting;
  waiting_.emplace(entry->sequence, entry);
  waiting_bytes_ += entry->bytes;
}

void Outbox::Forget(const std::string& id) { entries_.erase(entries_.find(id)); }

}  // namespace assay::client
