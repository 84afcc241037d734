// The groups of one stream or call: which episodes of a task are in, and when they are all
// answered. Of an answered member it keeps the inputs of advantages, and the episode itself where
// teams will be asked about. Pure; time is passed in.
#ifndef ASSAY_SERVER_SESSION_GROUPS_H_
#define ASSAY_SERVER_SESSION_GROUPS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "assay/v1/signal_service.pb.h"
#include "server/session/answered_member.h"
#include "server/session/group_work.h"
#include "server/wire/limits.h"
#include "server/wire/resolve_options.h"

namespace assay::service {

class Groups {
 public:
  // `timeout`: zero for none.
  Groups(std::shared_ptr<const ResolvedOptions> options, const Limits& limits,
         absl::Duration timeout, int64_t max_bytes);

  // An episode of the group was read and will be answered; `work` is null where it was rejected.
  // INVALID_ARGUMENT: another size than announced, or more members. ALREADY_EXISTS: an answered
  // member. RESOURCE_EXHAUSTED: too many open groups, or too much to keep. A member that failed
  // before may join again.
  absl::Status Join(const v1::Episode& episode, const EpisodeWork* work, absl::Time now);

  // The member was answered: with signals, or without (it is then missing). May complete its group.
  void Answered(absl::string_view group_id, absl::string_view episode_id,
                const v1::EpisodeSignals* signals, absl::Time now);

  // Makes the groups ready whose timeout has passed and that have at least 2 answered members.
  void OnTime(absl::Time now);
  // The next time at which OnTime has something to do.
  absl::Time next_time() const;

  // No more members will come: whatever has no unanswered member goes out now, the rest once they
  // are answered.
  void Close();

  // Groups that are to be answered, each once, in the order in which they became so. What they keep
  // counts until Done.
  std::vector<GroupWork> TakeReady();
  // The result of a group that TakeReady gave is there.
  void Done(absl::string_view group_id);

  // Lets the episodes of the group go that keeps most of them; it is then answered without teams.
  // False: no episode is kept.
  bool LetEpisodesGo();

  // Bytes that are kept for answered members or set aside for unanswered ones.
  int64_t bytes() const { return bytes_; }

 private:
  enum class State : uint8_t { kUnanswered, kAnswered, kMissing };
  struct Entry {
    State state = State::kUnanswered;
    int64_t bytes = 0;
    std::optional<Transcript> transcript;  // until it is answered
    std::optional<TeamSource> source;      // where teams are wanted and the episode was accepted
    int64_t source_bytes = 0;              // what the source's episode takes, once it is answered
  };
  struct Group {
    int announced = 0;
    bool parallel = false;
    absl::Time deadline;
    // Handed out. What comes later is answered one by one and changes nothing.
    bool out = false;
    bool unfinished = false;  // handed out, and not Done
    bool let_go = false;      // its episodes are not kept
    int64_t episode_bytes = 0;
    int64_t work_bytes = 0;  // of what was handed out
    std::map<std::string, Entry, std::less<>> entries;
    std::map<std::string, AnsweredMember> members;  // the answered ones, until the group is out
    int unanswered = 0;
  };
  using GroupMap = std::map<std::string, Group, std::less<>>;

  absl::StatusOr<GroupMap::iterator> FindOrOpen(const v1::Group& wire, absl::Time now);
  // Forgets a group that was handed out already where that makes room for one more. False: there is
  // no room.
  bool MakeRoom();
  // Emits the group where it is complete or late; forgets it where nothing more can come.
  void Settle(GroupMap::iterator it, absl::Time now);
  void Emit(const std::string& id, Group* group);
  void KeepEpisode(Entry* entry, Group* group);
  void LetEpisodesGo(Group* group);
  void Release(Entry* entry);
  void Forget(GroupMap::iterator it);

  const std::shared_ptr<const ResolvedOptions> options_;
  const Limits limits_;
  const absl::Duration timeout_;
  const int64_t max_bytes_;
  GroupMap groups_;
  int64_t bytes_ = 0;
  bool closed_ = false;
  std::vector<GroupWork> ready_;
};

}  // namespace assay::service

#endif  // ASSAY_SERVER_SESSION_GROUPS_H_
