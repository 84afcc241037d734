// Which episodes wait, are in flight, or have been answered, on however many streams it takes.
#ifndef ASSAY_CLIENT_CPP_OUTBOX_H_
#define ASSAY_CLIENT_CPP_OUTBOX_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "assay/v1/episode.pb.h"
#include "assay/v1/signal_service.pb.h"

namespace assay::client {

// What a stream allows to be unanswered at once.
struct Credits {
  int64_t episodes = 0;
  int64_t bytes = 0;
};

// Pure bookkeeping: no clock, no thread, no wire. Every operation is O(log n) in the episodes held,
// except StartStream, which is linear. Not thread safe.
class Outbox {
 public:
  // The server may ask for an episode to be sent again later (Error.retry_after). It is sent again
  // at most `max_retries` times and then given up. Until then the server has not counted it in its
  // group, which waits for it, so the group is given up with it.
  explicit Outbox(int max_retries) : max_retries_(max_retries) {}

  // ALREADY_EXISTS: an episode of this id is unanswered, or answered in a group that is not. An
  // episode of a group that has all its members begins another group of that id, which waits until
  // the one before it is answered.
  absl::Status Add(std::shared_ptr<const v1::Episode> episode);

  // A new stream begins without credits. Unanswered episodes wait again, and so do all episodes of
  // groups that are unanswered; in the order in which they were added.
  void StartStream();

  void SetCredits(Credits credits) { credits_ = credits; }

  // True where Take would return an episode.
  bool CanTake(absl::Time now) const;

  // The next episode within the credits, now in flight; null: none. An episode larger than all
  // byte credits goes out alone, so that the server can say what is wrong with it.
  std::shared_ptr<const v1::Episode> Take(absl::Time now);

  // When an episode that was asked to come later becomes due; InfiniteFuture: none is.
  absl::Time NextDue() const;

  // Takes a result that came. Returns whether it is to be handed on: it is not where it is a
  // repeat, its id is unknown, or the episode will be sent again.
  bool OnResult(const v1::EpisodeResult& result, absl::Time now);
  bool OnGroup(const v1::GroupResult& result);

  // Groups that were given up since the last call, each with the error of the episode that was.
  std::vector<v1::GroupResult> TakeGivenUp() { return std::exchange(given_up_, {}); }

  // Null where no unanswered episode has this id.
  std::shared_ptr<const v1::Episode> Find(absl::string_view id) const;

  size_t waiting() const { return waiting_.size() + delayed_.size() + parked_; }
  int64_t waiting_bytes() const { return waiting_bytes_; }
  int64_t in_flight() const { return in_flight_; }
  // True where every episode and every group has been answered.
  bool empty() const { return entries_.empty(); }
  // True where every episode has been answered (its group may not have been).
  bool all_answered() const { return waiting() == 0 && in_flight_ == 0; }
  // Whether there is an unanswered group all of whose announced episodes have been answered, about
  // which the server may therefore still ask. An episode that it asked for again later does not
  // count as answered. O(episodes held).
  bool owes_group() const;

 private:
  enum class State { kParked, kWaiting, kDelayed, kInFlight, kAnswered };
  struct Entry {
    std::shared_ptr<const v1::Episode> episode;
    int64_t bytes = 0;
    uint64_t sequence = 0;
    State state = State::kWaiting;
    bool delivered = false;
    bool counted = false;     // answered so that its group on the server waits for it no more
    bool group_open = false;  // kept after its answer, to be sent again with its group
    int retries = 0;
  };

  // One that is unanswered.
  struct Group {
    int size = 0;  // 0: not announced
    std::vector<std::string> ids;
    bool full() const { return size > 0 && static_cast<int>(ids.size()) >= size; }
  };

  void Join(Entry* entry);
  void Wait(Entry* entry);
  // The first group of this id is answered or given up; the next one may be sent.
  void CloseGroup(const std::string& id);
  void Forget(const std::string& id);

  const int max_retries_;
  Credits credits_;
  uint64_t next_sequence_ = 0;
  int64_t waiting_bytes_ = 0;
  int64_t in_flight_ = 0;
  int64_t in_flight_bytes_ = 0;
  absl::flat_hash_map<std::string, std::unique_ptr<Entry>> entries_;
  std::map<uint64_t, Entry*> waiting_;
  std::multimap<absl::Time, Entry*> delayed_;
  // Unanswered groups by id; of several the server knows the first alone.
  absl::flat_hash_map<std::string, std::deque<Group>> groups_;
  size_t parked_ = 0;  // episodes of the others
  std::vector<v1::GroupResult> given_up_;
};

}  // namespace assay::client

#endif  // ASSAY_CLIENT_CPP_OUTBOX_H_
