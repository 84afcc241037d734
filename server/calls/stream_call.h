// Drives one StreamSession: serialises its inputs, performs its actions on its transport and
// the engine.
#ifndef ASSAY_SERVER_CALLS_STREAM_CALL_H_
#define ASSAY_SERVER_CALLS_STREAM_CALL_H_

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "assay/v1/signal_service.pb.h"
#include "server/base/mutex.h"
#include "server/calls/batch_call.h"
#include "server/engine/engine.h"
#include "server/session/stream_session.h"

namespace assay::service {

// The transport under a stream, as the call needs it. Methods return at once and never call back
// inside.
class StreamTransport {
 public:
  virtual ~StreamTransport() = default;
  // With `more`, another write follows as soon as this one is done, so that the two may be sent
  // together.
  virtual void Write(const v1::StreamSignalsResponse* response, bool more) = 0;
  virtual void Finish(const absl::Status& status) = 0;
  // Cuts the stream off: it was finished, but its last bytes do not get through.
  virtual void Abort() = 0;
};

// Thread safe. Lives as long as the stream or any of its episodes.
class StreamCall : public std::enable_shared_from_this<StreamCall> {
 public:
  // `config` is this stream's own; it and all of `deps` outlive the call.
  StreamCall(const ServiceDeps& deps, CallContext context, SessionConfig config,
             absl::Duration linger, uint64_t stream);
  // Before any input. `transport` lives until Detach.
  void Attach(StreamTransport* transport);
  // The transport has ended and is not touched again. Returns what there is to log.
  StreamSummary Detach();

  void OnRequest(std::shared_ptr<const v1::StreamSignalsRequest> request);
  void OnHalfClose();
  void OnWriteDone();
  void OnCancel();
  void Refuse(const absl::Status& status);
  void Drain(absl::string_view reason, absl::Duration grace);

 private:
  class Sink;

  template <class Input>
  void Step(Input input);
  // Performs what must keep its order, under the lock; returns the rest, which may lead back here.
  std::vector<Action> Perform(std::vector<Action> actions) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void PerformUnlocked(std::vector<Action> actions);
  void Start(StartEpisode start) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Start(StartGroup start) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Workers that must still be called for the short episodes that wait; they count as called.
  int BurstsToPost() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Whether the short episode that waits is to be worked on by the thread that read it: so it is
  // where the client waits for each answer before it sends the next episode, as a hand-over to a
  // worker would save it nothing. An episode that is read while another is in flight proves that
  // the client does not wait. As nothing is read while we work here, every kProbe-th episode goes
  // to a worker, to find out.
  bool IsLone() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Works on some short episodes, one after the other, and hands in their results together: one
  // hand-over and one write for all. Meanwhile others arrive and make the next burst.
  void RunBurst();
  void ArmTimer() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OnEpisodeDone(EpisodeOutcome outcome);
  void OnGroupDone(GroupOutcome outcome);
  void Cancel(Ticket ticket);
  void OnTimer();

  const ServiceDeps deps_;
  const CallContext context_;
  const SessionConfig config_;
  const absl::Duration linger_;
  Mutex mutex_;
  std::unique_ptr<StreamSession> session_ ABSL_GUARDED_BY(mutex_);
  StreamTransport* transport_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::shared_ptr<const v1::StreamSignalsResponse> writing_ ABSL_GUARDED_BY(mutex_);
  std::map<Ticket, std::shared_ptr<engine::Run>> runs_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::shared_ptr<engine::Run>> short_ ABSL_GUARDED_BY(mutex_);  // to be started
  int bursts_ ABSL_GUARDED_BY(mutex_) = 0;                                  // posted or running
  int64_t lone_ ABSL_GUARDED_BY(mutex_) = 0;  // episodes in a row that came when none was in flight
  int gathering_ ABSL_GUARDED_BY(mutex_) = 0;  // of them, running; each hands in what is gathered
  std::vector<EpisodeOutcome> gathered_ ABSL_GUARDED_BY(mutex_);
  absl::Time abort_at_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();
  absl::Time armed_for_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();
  engine::Executor::TimerId timer_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace assay::service

#endif  // ASSAY_SERVER_CALLS_STREAM_CALL_H_
