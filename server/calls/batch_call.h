// ComputeSignals: the episodes of one request, all answered in one response. Serves the unary call
// and the HTTP gateway.
#ifndef ASSAY_SERVER_CALLS_BATCH_CALL_H_
#define ASSAY_SERVER_CALLS_BATCH_CALL_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "assay/v1/signal_service.pb.h"
#include "server/base/mutex.h"
#include "server/engine/engine.h"
#include "server/session/admission.h"
#include "server/session/episode_work.h"
#include "server/session/groups.h"
#include "server/session/session_observer.h"
#include "server/session/stream_session.h"
#include "server/session/tenants.h"

namespace assay::service {

// What all calls of the service share. Everything pointed to must outlive the calls.
struct ServiceDeps {
  engine::Engine* engine = nullptr;
  engine::Executor* executor = nullptr;
  const SessionConfig* config = nullptr;
  const Catalog* catalog = nullptr;
  Callers* callers = nullptr;
  SessionObservers observers;
  evaluation::QuestionObservers question_observers;
};

class BatchCall : public std::enable_shared_from_this<BatchCall> {
 public:
  using Done = absl::AnyInvocable<void(absl::StatusOr<v1::ComputeSignalsResponse>)>;

  // `request_bytes` is what the request takes in memory, and the least that it counts for. Its
  // episodes count until this object is destroyed, so whoever still holds the response keeps it
  // alive.
  static std::shared_ptr<BatchCall> Make(const ServiceDeps& deps, CallContext context,
                                         std::shared_ptr<const v1::ComputeSignalsRequest> request,
                                         int64_t request_bytes, Done done);
  // Calls `done` exactly once, possibly before it returns. The call fails as a whole for its
  // options, the number of its episodes, overload, or a response above max_response_bytes.
  void Start();
  // Soon every episode that is not answered yet gets CANCELLED, and groups do without their teams.
  void Cancel();
  ~BatchCall();

 private:
  BatchCall(const ServiceDeps& deps, CallContext context,
            std::shared_ptr<const v1::ComputeSignalsRequest> request, int64_t request_bytes,
            Done done);

  absl::Status Open();
  void Accept(int index);
  void StartAll();
  // Starts what may be worked on beside what is: a large batch leaves room for others.
  void StartMore();
  // The next slot to be started, with what it counts for; negative: none, or none now.
  int TakeNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Run(int index);
  void OnDone(int index, v1::EpisodeResult result);
  // Once all episodes are answered: their groups, then the response.
  void StartGroups();
  std::vector<GroupWork> TakeGroups();
  void OnGroupDone();
  absl::StatusOr<v1::ComputeSignalsResponse> Collect();

  struct Slot {
    absl::StatusOr<EpisodeWork> work = absl::CancelledError();
    bool joined = false;  // counts in its group
    bool is_long = false;
    Load plan;  // in admission, while it is worked on
    v1::EpisodeResult result;
    std::shared_ptr<engine::Run> run;
  };

  const ServiceDeps deps_;
  const CallContext context_;
  const std::shared_ptr<const v1::ComputeSignalsRequest> request_;
  const int64_t request_bytes_;
  Done done_;
  const absl::Time started_at_;
  std::shared_ptr<const ResolvedOptions> options_;
  std::optional<Groups> groups_;
  absl::flat_hash_set<absl::string_view> ids_;
  std::optional<Load> admitted_;
  Mutex mutex_;
  std::vector<Slot> slots_;              // each touched by its own episode until all are done
  v1::ComputeSignalsResponse response_;  // each group's result is touched by it alone
  int unanswered_ ABSL_GUARDED_BY(mutex_) = 0;
  int next_ ABSL_GUARDED_BY(mutex_) = 0;          // slot to be started
  int started_ ABSL_GUARDED_BY(mutex_) = 0;       // and not answered
  int started_long_ ABSL_GUARDED_BY(mutex_) = 0;  // of them
  int groups_left_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<std::shared_ptr<engine::Run>> group_runs_ ABSL_GUARDED_BY(mutex_);
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace assay::service

#endif  // ASSAY_SERVER_CALLS_BATCH_CALL_H_
