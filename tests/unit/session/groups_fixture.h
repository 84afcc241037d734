// Groups without a stream, and the signals of their members.
#ifndef ASSAY_TESTS_UNIT_SESSION_GROUPS_FIXTURE_H_
#define ASSAY_TESTS_UNIT_SESSION_GROUPS_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <utility>

#include "server/session/group_result.h"
#include "server/session/groups.h"
#include "tests/unit/session/episodes.h"

namespace assay::service {

inline const absl::Time kOpened = absl::FromUnixSeconds(1000);

inline v1::Episode Member(const std::string& id, int size, const std::string& group = "g") {
  v1::Episode episode = SmallEpisode(id, 1);
  episode.mutable_group()->set_id(group);
  episode.mutable_group()->set_size(size);
  return episode;
}

inline v1::EpisodeSignals Signals(const std::string& id, double score) {
  v1::EpisodeSignals signals;
  signals.set_episode_id(id);
  signals.set_score(score);
  signals.set_owen_values(true);
  for (const char* agent : {"a", "b"}) {
    v1::AgentCredit* added = signals.add_agents();
    added->set_agent_id(agent);
    added->set_credit(score / 2);
    added->set_value_without(score / 2);
  }
  for (int t = 0; t < 4; ++t) {
    v1::MessageSignal* message = signals.add_messages();
    message->set_index(t);
    message->set_agent_id(t % 2 == 0 ? "a" : "b");
    message->set_credit(score / 4);
  }
  return signals;
}

inline std::shared_ptr<const ResolvedOptions> Resolved(const signals::Options& options = {}) {
  ResolvedOptions resolved = *ResolveOptions({}, Limits(), Catalog(), std::nullopt);
  resolved.options = std::make_shared<const signals::Options>(options);
  return std::make_shared<const ResolvedOptions>(std::move(resolved));
}

// Groups whose results are made as soon as they can be.
class TestGroups {
 public:
  explicit TestGroups(const signals::Options& options = {}, const Limits& limits = {},
                      absl::Duration timeout = absl::ZeroDuration(), int64_t max_bytes = 1 << 20)
      : groups_(Resolved(options), limits, timeout, max_bytes) {}
  absl::Status Join(const v1::Episode& episode, absl::Time now) {
    return groups_.Join(episode, nullptr, now);
  }
  void Answered(const std::string& group, const std::string& id, const v1::EpisodeSignals* signals,
                absl::Time now) {
    groups_.Answered(group, id, signals, now);
  }
  void OnTime(absl::Time now) { groups_.OnTime(now); }
  absl::Time next_time() const { return groups_.next_time(); }
  void Close() { groups_.Close(); }
  int64_t bytes() const { return groups_.bytes(); }
  std::vector<v1::GroupResult> TakeReady() {
    std::vector<v1::GroupResult> results;
    for (const GroupWork& work : groups_.TakeReady()) {
      MakeGroupResult(work, std::nullopt, &results.emplace_back());
      groups_.Done(work.id);
    }
    return results;
  }

 private:
  Groups groups_;
};

inline TestGroups MakeGroups(absl::Duration timeout = absl::ZeroDuration(),
                             int64_t max_bytes = 1 << 20) {
  return TestGroups({}, Limits(), timeout, max_bytes);
}

inline void Answer(TestGroups* groups, const std::string& id, double score,
                   const std::string& group = "g", absl::Time now = kOpened) {
  const v1::EpisodeSignals signals = Signals(id, score);
  groups->Answered(group, id, &signals, now);
}

}  // namespace assay::service

#endif  // ASSAY_TESTS_UNIT_SESSION_GROUPS_FIXTURE_H_
