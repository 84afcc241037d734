// The groups of one stream or call: which episodes of a task are in, and when they are all
// answered. Holds of answered members what advantages are made of. Pure; time is passed in.
#ifndef ASSAY_SERVER_SESSION_GROUPS_H_
#define ASSAY_SERVER_SESSION_GROUPS_H_

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "assay/v1/signal_service.pb.h"
#include "server/signals/group.h"
#include "server/signals/options.h"
#include "server/wire/limits.h"
#include "server/wire/resolve_options.h"

namespace assay::service {

// The turns of an episode without their text: enough to see where two episodes part.
struct Transcript {
  struct Turn {
    int32_t agent;                // index into `agents`; -1: context
    std::array<char, 16> digest;  // of the content
  };
  std::string task;                 // digest of the task
  std::vector<std::string> agents;  // ids
  std::vector<Turn> turns;

  explicit Transcript(const v1::Episode& episode);
};

// What a group keeps of a member: scores, credits and values, without any text.
class GroupMember {
 public:
  explicit GroupMember(const v1::EpisodeSignals& signals,
                       std::optional<Transcript> transcript = std::nullopt);

  const signals::GroupMember& numbers() const { return numbers_; }
  // None where only the signals are known (ComputeAdvantages): no pairs between episodes then.
  const std::optional<Transcript>& transcript() const { return transcript_; }

  // What a member with this episode will take once it is answered; at least its real size.
  static int64_t BytesFor(const v1::Episode& episode);

 private:
  signals::GroupMember numbers_;
  std::optional<Transcript> transcript_;
};

// Advantages of `members`, by episode id, and preferences between those whose transcript is known.
// Bytes do not depend on who computes them. FAILED_PRECONDITION in place of the signals where no
// member was answered, or the options name a part of the advantages that the members do not
// support; RESOURCE_EXHAUSTED where the result is larger than `max_response_bytes`.
v1::GroupResult MakeGroupResult(absl::string_view group_id,
                                const std::map<std::string, GroupMember>& members,
                                const std::vector<std::string>& missing, int never_sent,
                                const signals::Options& options, int64_t max_response_bytes);

class Groups {
 public:
  // `timeout`: zero for none.
  Groups(const signals::Options& options, const Limits& limits, absl::Duration timeout,
         int64_t max_response_bytes, int64_t max_bytes);

  // An episode of the group was read and will be answered. INVALID_ARGUMENT: another size than
  // announced, or more members. ALREADY_EXISTS: an answered member. RESOURCE_EXHAUSTED: too many
  // open groups, or too much to keep. A member that failed before may join again.
  absl::Status Join(const v1::Episode& episode, absl::Time now);

  // The member was answered: with signals, or without (it is then missing). May complete its group.
  void Answered(absl::string_view group_id, absl::string_view episode_id,
                const v1::EpisodeSignals* signals, absl::Time now);

  // Groups whose timeout has passed and that have at least 2 answered members go out.
  void OnTime(absl::Time now);
  // The next time at which OnTime has something to do.
  absl::Time next_time() const;

  // No more members will come: whatever has no unanswered member goes out now, the rest once they
  // are answered.
  void Close();

  // Results that are ready, each once, in the order in which they became so.
  std::vector<v1::GroupResult> TakeReady();

  // Kept for answered members, and set aside for unanswered ones.
  int64_t bytes() const { return bytes_; }

 private:
  enum class State : uint8_t { kUnanswered, kAnswered, kMissing };
  struct Entry {
    State state = State::kUnanswered;
    int64_t bytes = 0;
    std::optional<Transcript> transcript;  // until it is answered
  };
  struct Group {
    int announced = 0;
    absl::Time deadline;
    // Answered by timeout. What comes later is answered one by one and changes nothing.
    bool out = false;
    std::map<std::string, Entry, std::less<>> entries;
    std::map<std::string, GroupMember> members;  // the answered ones, until the group is out
    int unanswered = 0;
  };
  using GroupMap = std::map<std::string, Group, std::less<>>;

  absl::StatusOr<GroupMap::iterator> FindOrOpen(const v1::Group& wire, absl::Time now);
  // Room for one more group, where that takes no more than forgetting one that is out.
  bool MakeRoom();
  // Emits the group where it is complete or late; forgets it where nothing more can come.
  void Settle(GroupMap::iterator it, absl::Time now);
  void Emit(const std::string& id, Group* group);
  void Release(Entry* entry);
  void Forget(GroupMap::iterator it);

  const signals::Options options_;
  const Limits limits_;
  const absl::Duration timeout_;
  const int64_t max_response_bytes_;
  const int64_t max_bytes_;
  GroupMap groups_;
  int64_t bytes_ = 0;
  bool closed_ = false;
  std::vector<v1::GroupResult> ready_;
};

// ComputeAdvantages: a pure function of the request.
absl::StatusOr<v1::ComputeAdvantagesResponse> ComputeAdvantages(
    const v1::ComputeAdvantagesRequest& request, const Limits& limits);

}  // namespace assay::service

#endif  // ASSAY_SERVER_SESSION_GROUPS_H_
