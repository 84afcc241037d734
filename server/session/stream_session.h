// One StreamSignals stream as a state machine. Pure: it never blocks, starts no thread and reads no
// clock. Whoever drives it (the reactor, or a simulation) calls one input at a time, then performs
// the actions that TakeActions returns, then arms a timer for wake_at().
//
// Bounds, for a client that does whatever it likes:
//   episodes kept         max_episodes_in_flight, max_bytes_in_flight
//   rejections unwritten  max_episodes_in_flight, then the stream ends
//   results unwritten     nothing is started while they hold more than max_bytes_in_flight
//   groups                max_open_groups, max_bytes_in_flight (their episodes are let go before
//                         anything is refused); max_groups_asking plans at once
//   all of it together    what Admission leaves free
//   questions             max_outstanding_questions (the caller evaluator holds the rest back)
#ifndef ASSAY_SERVER_SESSION_STREAM_SESSION_H_
#define ASSAY_SERVER_SESSION_STREAM_SESSION_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "assay/v1/signal_service.pb.h"
#include "server/evaluation/evaluators/caller.h"
#include "server/session/admission.h"
#include "server/session/episode_work.h"
#include "server/session/groups.h"
#include "server/session/session_observer.h"
#include "server/session/trace_context.h"
#include "server/wire/limits.h"
#include "server/wire/notices/notices.h"
#include "server/wire/resolve_options.h"

namespace assay::service {

struct SessionConfig {
  Limits limits;
  int max_episodes_in_flight = 256;
  int64_t max_bytes_in_flight = int64_t{64} << 20;
  // How many episodes of one stream the engine works on at once, so that streams share it fairly.
  // It does not bind where answers come from outside and are waited for.
  int max_started = 32;
  // How many of these may take long. The same holds for a unary call.
  int max_long_started = 4;
  // About how many groups of one stream questions are asked at once.
  int max_groups_asking = 8;
  absl::Duration write_stall = absl::Seconds(30);
  absl::Duration first_message = absl::Seconds(60);  // for the options to arrive
  absl::Duration retry_after = absl::Milliseconds(100);
  // A drained stream with nothing in flight for this long ends before its grace is over.
  absl::Duration drain_idle = absl::Seconds(1);
  absl::Duration max_age = absl::InfiniteDuration();  // then the stream gets a go_away
  absl::Duration max_age_grace = absl::Minutes(1);
};

using Ticket = uint64_t;

// The result of an episode: `response` holds what MakeResult gave for the work of this ticket, and
// nobody else writes to it.
struct EpisodeOutcome {
  Ticket ticket;
  std::shared_ptr<v1::StreamSignalsResponse> response;
};

// The result of a group, likewise.
struct GroupOutcome {
  Ticket ticket;
  std::shared_ptr<v1::StreamSignalsResponse> response;
};

// What the driver must do, in order.
struct StartEpisode {
  Ticket ticket;
  EpisodeWork work;
  absl::Duration timeout;
  bool is_short;
};
struct CancelEpisode {
  Ticket ticket;
};
// A group whose members are all answered, or late. The driver has its questions about teams asked
// and its result made. Groups and episodes never have the same ticket.
struct StartGroup {
  Ticket ticket;
  GroupWork work;
  absl::Duration timeout;
};
struct CancelGroup {
  Ticket ticket;
};
// A response to be written. The next one comes only after OnWriteDone.
struct WriteResponse {
  std::shared_ptr<const v1::StreamSignalsResponse> response;
  bool more;  // the next one is ready
};
// Answers to be handed to CallerEvaluator::OnAnswers. Where that returns kUnknown the driver calls
// OnUnknownEvaluation.
struct DeliverAnswers {
  std::shared_ptr<evaluation::CallerEvaluator> caller;
  std::string evaluation_id;
  absl::StatusOr<evaluation::Answers> answers;
};
// CallerEvaluator::Close is to be called.
struct CloseCaller {
  std::shared_ptr<evaluation::CallerEvaluator> caller;
  absl::Status status;
};
// The stream is to be ended with this status. It is the last action. Of the inputs only
// OnEpisodesDone, OnGroupDone, OnWriteDone and OnCancel may still follow, and have no effect.
struct FinishStream {
  absl::Status status;
};
using Action = std::variant<StartEpisode, CancelEpisode, StartGroup, CancelGroup, WriteResponse,
                            DeliverAnswers, CloseCaller, FinishStream>;

// Not thread safe.
class StreamSession {
 public:
  // Makes the caller evaluator of this stream; its sink leads to OnAsk.
  using MakeCaller = std::function<evaluation::CallerStack(const signals::EvaluatorTraits&,
                                                           const evaluation::CallerLimits&)>;
  struct Deps {
    const SessionConfig* config;
    const Catalog* catalog;
    Admission* admission;
    SessionObservers observers;
    MakeCaller make_caller;
    uint64_t stream = 1;  // for logs
    TraceContext trace = {};
  };

  StreamSession(Deps deps, absl::Time now);
  ~StreamSession();
  StreamSession(const StreamSession&) = delete;
  StreamSession& operator=(const StreamSession&) = delete;

  // Inputs. The request is kept, not copied, until its episode is answered.
  void OnRequest(std::shared_ptr<const v1::StreamSignalsRequest> request, absl::Time now);
  void OnHalfClose(absl::Time now);
  // Results of episodes. Those that are handed in together are written together.
  void OnEpisodesDone(std::vector<EpisodeOutcome> outcomes, absl::Time now);
  void OnGroupDone(GroupOutcome outcome, absl::Time now);
  // A request of the caller evaluator, from its sink.
  void OnAsk(const evaluation::CallerRequest& request, absl::Time now);
  void OnUnknownEvaluation();
  void OnWriteDone(absl::Time now);
  void OnTimer(absl::Time now);
  // Announces a go_away; only the first call does.
  void OnDrain(absl::string_view reason, absl::Duration grace, absl::Time now);
  // The client is gone or cancelled.
  void OnCancel();
  // The server does not take the stream.
  void OnRefuse(absl::Status status);

  std::vector<Action> TakeActions();
  absl::Time wake_at() const;

  bool finished() const { return finished_; }
  int episodes_in_flight() const { return static_cast<int>(episodes_.size()); }
  StreamSummary Summary(absl::Time now) const;

 private:
  struct InFlight {
    std::string id;
    std::string group;  // empty: none
    int64_t bytes = 0;
    absl::Time read_at;
    bool owns_id = false;         // in unanswered_ids_
    uint32_t notice_reasons = 0;  // Notices::ReasonsIn
    int64_t memory = 0;           // what it counts for in Admission; 0: nothing
    bool started = false;
    bool is_long = false;             // started, and computed here for long
    bool answered = false;            // its result waits to be written
    std::optional<EpisodeWork> work;  // until started
  };
  struct GroupInFlight {
    std::string id;
    int64_t bytes = 0;
    bool asks = false;
  };
  enum class Kind : uint8_t { kOther, kResult, kRejection };
  struct Pending {
    std::shared_ptr<const v1::StreamSignalsResponse> response;
    Kind kind = Kind::kOther;
    int64_t bytes = 0;
    Ticket ticket = 0;  // kResult: whose credit comes back when it is written
  };

  void OnOptions(const v1::AttributionOptions& options);
  void OnEpisode(const std::shared_ptr<const v1::Episode>& episode, absl::Time now);
  void OnEvaluation(const v1::EvaluateResponse& response);

  absl::Status Admit(const std::shared_ptr<const v1::Episode>& episode, int64_t bytes,
                     InFlight* in_flight, absl::Time now);
  // Answers an episode that takes no credit: all are taken.
  void RejectBeyondCredits(const v1::Episode& episode);
  void Settle(EpisodeOutcome outcome, absl::Time now);
  void Answer(Ticket ticket, std::shared_ptr<v1::StreamSignalsResponse> response, absl::Time now);
  void AnswerError(Ticket ticket, absl::string_view id, const absl::Status& error, absl::Time now);
  void Report(const v1::EpisodeResult& result, absl::Duration elapsed);
  void Enqueue(std::shared_ptr<const v1::StreamSignalsResponse> response, Kind kind = Kind::kOther,
               Ticket ticket = 0);
  // Takes over the groups that are to be answered.
  void TakeGroups();
  // Starts what may be started, writes what may be written, ends what is over.
  void Pump(absl::Time now);
  void StartWaiting(absl::Time now);
  // Counts the plan of an episode that is about to start; or says why it may not.
  absl::Status AdmitPlan(int64_t bytes, InFlight* in_flight);
  void StartGroups();
  void ExpireWaiting(absl::Time now);
  void WriteNext(absl::Time now);
  void Act(Action action);
  void FinishIfDone(absl::Time now);
  void Finish(absl::Status status);
  void LeaveAdmission(InFlight* in_flight);
  // What else the stream keeps has grown or shrunk.
  void Keep(int64_t bytes);
  void KeepGroups();
  bool Quiet() const;  // nothing is in flight in either direction

  const Deps deps_;
  const SessionConfig& config_;
  const absl::Time opened_at_;

  std::shared_ptr<const ResolvedOptions> options_;  // null: not sent yet
  std::optional<Groups> groups_;
  std::deque<GroupWork> waiting_groups_;
  std::map<Ticket, GroupInFlight> started_groups_;
  int asking_groups_ = 0;                // of them, those that ask
  std::map<Ticket, InFlight> episodes_;  // until the result is handed to the transport
  absl::flat_hash_set<std::string> unanswered_ids_;
  std::deque<Ticket> waiting_;
  Ticket last_ticket_ = 0;
  int started_ = 0;
  int started_long_ = 0;
  int unanswered_ = 0;  // read, no result yet
  int64_t bytes_in_flight_ = 0;
  Load held_;                // in Admission: episodes, responses, groups
  int64_t groups_held_ = 0;  // of it, as of the last look

  std::deque<Pending> responses_;
  int64_t response_bytes_ = 0;
  int rejections_unread_ = 0;
  Notices notices_;
  bool writing_ = false;
  int64_t writing_bytes_ = 0;
  absl::Time write_deadline_ = absl::InfiniteFuture();

  bool half_closed_ = false;
  bool finished_ = false;
  std::optional<absl::Time> drain_deadline_;
  absl::Time quiet_since_ = absl::InfiniteFuture();

  std::vector<Action> actions_;
  StreamSummary summary_;
};

}  // namespace assay::service

#endif  // ASSAY_SERVER_SESSION_STREAM_SESSION_H_
