// Which episodes wait, are in flight, or have been answered, on however many streams it takes.
#ifndef ASSAY_CLIENT_CPP_OUTBOX_H_
#define ASSAY_CLIENT_CPP_OUTBOX_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
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
  // Where the server answers an episode with a time after which to try again, the episode is sent
  // again, at most `max_retries` times. This does not hold for the episodes of groups, because the
  // server counts such an answer as the answer of that member.
  explicit Outbox(int max_retries) : max_retries_(max_retries) {}

  // ALREADY_EXISTS: an episode of this id is unanswered, or answered in a group that is not.
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

  // True: the result is news for the caller. False: a repeat, an unknown id, or the episode will be
  // sent again.
  bool OnResult(const v1::EpisodeResult& result, absl::Time now);
  bool OnGroup(const v1::GroupResult& result);

  // Null where no unanswered episode has this id.
  std::shared_ptr<const v1::Episode> Find(absl::string_view id) const;

  size_t waiting() const { return waiting_.size() + delayed_.size(); }
  int64_t waiting_bytes() const { return waiting_bytes_; }
  int64_t in_flight() const { return in_flight_; }
  // True where every episode and every group has been answered.
  bool empty() const { return entries_.empty(); }
  // True where every episode has been answered (its group may not have been).
  bool all_answered() const { return waiting() == 0 && in_flight_ == 0; }

 private:
  enum class State { kWaiting, kDelayed, kInFlight, kAnswered };
  struct Entry {
    std::shared_ptr<const v1::Episode> episode;
    int64_t bytes = 0;
    uint64_t sequence = 0;
    State state = State::kWaiting;
    bool delivered = false;
    bool group_open = false;  // kept after its answer, to be sent again with its group
    int retries = 0;
  };

  void Wait(Entry* entry);
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
  // Ids of the episodes of each unanswered group.
  absl::flat_hash_map<std::string, std::vector<std::string>> groups_;
};

}  // namespace assay::client

#endif  // ASSAY_CLIENT_CPP_OUTBOX_H_
