#include "client/cpp/reconnecting_stream.h"

#include <algorithm>
#include <asio/post.hpp>
#include <asio/thread_pool.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/random/random.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "client/cpp/messages.h"
#include "client/cpp/outbox.h"
#include "client/cpp/target.h"

namespace assay::client {
namespace {

constexpr size_t kMaxWaiting = 256;
constexpr int64_t kMaxWaitingBytes = 64 << 20;
constexpr size_t kMaxUnread = 1024;
constexpr absl::Duration kFirstBackoff = absl::Milliseconds(100);
constexpr absl::Duration kMaxBackoff = absl::Seconds(5);
constexpr absl::Duration kEndTime = absl::Seconds(1);  // after the last response

// Three threads: `session_` opens connections and watches the time, and for each connection one
// thread reads and another writes. Callbacks run on a pool.
class ReconnectingStream : public SignalStream {
 public:
  ReconnectingStream(StreamConfig config, ConnectFn connect, const std::string& target)
      : config_(std::move(config)),
        connect_(std::move(connect)),
        target_(target),
        outbox_(config_.max_retries),
        evaluators_(static_cast<size_t>(std::max(1, config_.evaluator_threads))),
        session_([this] { RunSession(); }) {}

  ~ReconnectingStream() override {
    ReconnectingStream::Cancel();
    session_.join();
    evaluators_.stop();
    evaluators_.join();
  }

  absl::Status Write(v1::Episode episode) override {
    const auto shared = std::make_shared<const v1::Episode>(std::move(episode));
    const auto has_room = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
      return over_ || (outbox_.waiting() < kMaxWaiting &&
                       outbox_.waiting_bytes() < kMaxWaitingBytes && unread_.size() < kMaxUnread);
    };
    const absl::MutexLock lock(&mu_, absl::Condition(&has_room));
    if (over_) return absl::FailedPreconditionError("the stream is over");
    if (writes_done_) return absl::FailedPreconditionError("Write after WritesDone");
    return outbox_.Add(shared);
  }

  void WritesDone() override {
    const absl::MutexLock lock(&mu_);
    writes_done_ = true;
  }

  std::optional<StreamResult> Read() override {
    const auto ready = [this]()
                           ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return over_ || !unread_.empty(); };
    const absl::MutexLock lock(&mu_, absl::Condition(&ready));
    if (unread_.empty()) return std::nullopt;
    StreamResult result = std::move(unread_.front());
    unread_.pop_front();
    return result;
  }

  std::optional<v1::StreamReady> Ready() override {
    const auto known = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
      return over_ || ready_.has_value();
    };
    const absl::MutexLock lock(&mu_, absl::Condition(&known));
    return ready_;
  }

  void Cancel() override {
    const absl::MutexLock lock(&mu_);
    cancelled_ = true;
  }

  absl::Status Finish() override {
    const absl::MutexLock lock(&mu_, absl::Condition(&over_));
    return status_;
  }

 private:
  // What is known of the connection of the moment.
  struct Attempt {
    bool ended = false;  // nothing more will be read
    bool ready = false;
    bool half_closed = false;
    bool going_away = false;
    absl::Time leave_by;  // where going_away
    absl::Time heard;     // when the server was last heard
    absl::Status cut;     // why we cancelled it; OK: we did not
  };

  void RunSession() {
    absl::BitGen jitter;
    for (;;) {
      const absl::Status end = RunConnection();
      const absl::MutexLock lock(&mu_);
      if (!ShouldReconnect(end)) {
        status_ = Explained(FinalStatus(end), target_);
        over_ = true;
        return;
      }
      mu_.AwaitWithTimeout(absl::Condition(&cancelled_),
                           backoff_ * absl::Uniform(jitter, 0.5, 1.0));
      backoff_ = std::clamp(backoff_ * 2, kFirstBackoff, kMaxBackoff);
    }
  }

  // Opens a connection and serves it to its end, with which it comes back.
  absl::Status RunConnection() {
    const std::unique_ptr<Connection> connection = connect_();
    {
      const absl::MutexLock lock(&mu_);
      attempt_ = Attempt{};
      attempt_.heard = absl::Now();
      ++generation_;
      answers_.clear();
      outbox_.StartStream();
    }
    std::thread reader([this, &connection] { ReadAll(connection.get()); });
    std::thread writer([this, &connection] { WriteAll(connection.get()); });
    Watch(connection.get());
    reader.join();
    // Reading also ends at bytes that are no response: the server gets a moment to end its part.
    absl::Notification finished;
    bool left_open = false;
    std::thread closer([&] {
      if (finished.WaitForNotificationWithTimeout(kEndTime)) return;
      left_open = true;
      connection->Cancel();
    });
    writer.join();
    absl::Status status = connection->Finish();
    finished.Notify();
    closer.join();
    if (left_open && !status.ok()) {
      status = absl::UnavailableError("the server sent what is no response, and ended nothing");
    }
    const absl::MutexLock lock(&mu_);
    return attempt_.cut.ok() ? status : attempt_.cut;
  }

  // Waits for the end of the connection, and brings it about when its time is over.
  void Watch(Connection* connection) {
    const absl::MutexLock lock(&mu_);
    for (;;) {
      const absl::Time until = NextDeadline();
      const auto event = [this, until]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
        return attempt_.ended || cancelled_ || MayLeave() || NextDeadline() < until;
      };
      mu_.AwaitWithDeadline(absl::Condition(&event), until);
      if (attempt_.ended) return;
      if (cancelled_ || MayLeave() || absl::Now() >= NextDeadline()) break;
    }
    attempt_.cut = ReasonToCut();
    connection->Cancel();
    mu_.Await(absl::Condition(&attempt_.ended));
  }

  absl::Time NextDeadline() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    absl::Time next = config_.deadline;
    if (!attempt_.ready) next = std::min(next, attempt_.heard + config_.ready_timeout);
    if (outbox_.in_flight() > 0) next = std::min(next, attempt_.heard + config_.idle_timeout);
    if (attempt_.going_away) next = std::min(next, attempt_.leave_by);
    return next;
  }

  absl::Status ReasonToCut() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (cancelled_) return absl::CancelledError("cancelled by the caller");
    if (absl::Now() >= config_.deadline) return absl::DeadlineExceededError("the deadline is over");
    if (attempt_.going_away) return absl::UnavailableError("the server is going away");
    if (!attempt_.ready) return absl::UnavailableError("the server did not get ready in time");
    return absl::DeadlineExceededError("the server has gone silent");
  }

  // Nothing more is to be had from a stream that is going away.
  bool MayLeave() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return attempt_.going_away && outbox_.in_flight() == 0 && !attempt_.half_closed;
  }

  bool ShouldReconnect(const absl::Status& end) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (cancelled_ || !MayBeRepaired(end) || Complete(end)) return false;
    const absl::Time now = absl::Now();
    if (!lost_since_.has_value()) lost_since_ = now;
    // A server that was never there is named soon; one that was lost may be starting again.
    const absl::Duration patience =
        ready_.has_value() ? config_.reconnect_timeout : config_.connect_timeout;
    return now < config_.deadline && now - *lost_since_ < patience;
  }

  // A server that stops, or a proxy, cancels what it serves; we then did not.
  bool MayBeRepaired(const absl::Status& end) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return end.ok() || absl::IsUnavailable(end) || absl::IsCancelled(end) || attempt_.going_away;
  }

  // A group of which the server has rejected every member may never be answered: its OK decides.
  bool Complete(const absl::Status& end) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (!writes_done_ || !MayBeRepaired(end)) return false;
    return outbox_.empty() || (end.ok() && attempt_.half_closed && outbox_.all_answered());
  }

  absl::Status FinalStatus(const absl::Status& end) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (cancelled_) return absl::CancelledError("cancelled by the caller");
    if (Complete(end)) return absl::OkStatus();
    return end.ok() ? absl::UnavailableError("the server keeps ending the stream") : end;
  }

  void ReadAll(Connection* connection) {
    v1::StreamSignalsResponse response;
    while (connection->Read(&response)) Handle(&response);
    const absl::MutexLock lock(&mu_);
    attempt_.ended = true;
  }

  void Handle(v1::StreamSignalsResponse* response) {
    if (response->has_notice() && config_.on_notice) config_.on_notice(response->notice());
    const absl::MutexLock lock(&mu_);
    const absl::Time now = absl::Now();
    attempt_.heard = now;
    switch (response->message_case()) {
      case v1::StreamSignalsResponse::kReady:
        attempt_.ready = true;
        outbox_.SetCredits(
            {response->ready().max_episodes_in_flight(), response->ready().max_bytes_in_flight()});
        ready_ = std::move(*response->mutable_ready());
        break;
      case v1::StreamSignalsResponse::kResult:
        if (outbox_.OnResult(response->result(), now)) Deliver(response->mutable_result());
        for (v1::GroupResult& group : outbox_.TakeGivenUp()) Deliver(&group);
        break;
      case v1::StreamSignalsResponse::kGroup:
        if (outbox_.OnGroup(response->group())) Deliver(response->mutable_group());
        break;
      case v1::StreamSignalsResponse::kEvaluate:
        Evaluate(std::move(*response->mutable_evaluate()));
        break;
      case v1::StreamSignalsResponse::kGoAway:
        attempt_.going_away = true;
        attempt_.leave_by = now + FromProto(response->go_away().grace());
        break;
      default:
        break;  // notices, and what only a newer server sends
    }
  }

  template <typename Result>
  void Deliver(Result* result) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    unread_.emplace_back(std::move(*result));
    lost_since_.reset();
    backoff_ = absl::ZeroDuration();
  }

  void Evaluate(v1::EvaluateRequest request) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    const absl::Time deadline =
        request.has_timeout() ? absl::Now() + FromProto(request.timeout()) : absl::InfiniteFuture();
    GroupEpisodes episodes;
    for (const std::string& id : request.group_episode_ids()) episodes[id] = outbox_.Find(id);
    if (episodes.empty()) episodes[request.episode_id()] = outbox_.Find(request.episode_id());
    asio::post(evaluators_, [this, deadline, generation = generation_,
                             episodes = std::move(episodes), request = std::move(request)] {
      {
        const absl::MutexLock lock(&mu_);
        if (generation != generation_ || over_) return;
      }
      v1::EvaluateResponse answer = Answer(episodes, request, deadline);
      const absl::MutexLock lock(&mu_);
      if (generation == generation_) answers_.push_back(std::move(answer));
    });
  }

  v1::EvaluateResponse Answer(const GroupEpisodes& episodes, const v1::EvaluateRequest& request,
                              absl::Time deadline) const {
    const bool teams = request.group_episode_ids_size() > 0;
    const bool known = std::all_of(episodes.begin(), episodes.end(),
                                   [](const auto& episode) { return episode.second != nullptr; });
    v1::EvaluateResponse response;
    response.set_evaluation_id(request.evaluation_id());
    absl::StatusOr<v1::Answers> answers;
    if (teams ? !config_.evaluate_teams : !config_.evaluate) {
      answers = absl::UnimplementedError("this client has no evaluator");
    } else if (!known) {
      answers = absl::NotFoundError("no unanswered episode has this id");
    } else if (absl::Now() >= deadline) {
      answers = absl::DeadlineExceededError("the client's evaluator is behind");
    } else {
      answers = teams ? config_.evaluate_teams(episodes, request)
                      : config_.evaluate(*episodes.begin()->second, request);
    }
    SetAnswers(std::move(answers), request.questions_size(), &response);
    return response;
  }

  void WriteAll(Connection* connection) {
    v1::StreamSignalsRequest request;
    *request.mutable_options() = config_.options;
    do {
      if (!connection->Write(request)) return;
    } while (NextRequest(&request));
    connection->WritesDone();
  }

  // Waits for something to write, answers first. False: nothing more will be.
  bool NextRequest(v1::StreamSignalsRequest* request) {
    const absl::MutexLock lock(&mu_);
    for (;;) {
      const absl::Time now = absl::Now();
      if (attempt_.ended) return false;
      if (!answers_.empty()) {
        *request->mutable_evaluation() = std::move(answers_.front());
        answers_.pop_front();
        return true;
      }
      if (MaySend(now)) {
        const std::shared_ptr<const v1::Episode> episode = outbox_.Take(now);
        if (outbox_.in_flight() == 1) attempt_.heard = now;  // silence counts from here
        if (RejectTooLarge(*episode, now)) continue;
        *request->mutable_episode() = *episode;
        return true;
      }
      if (MayHalfClose()) {
        attempt_.half_closed = true;
        return false;
      }
      AwaitWork();
    }
  }

  // It would end the stream, and the next one when it is sent again.
  bool RejectTooLarge(const v1::Episode& episode, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    const int64_t limit = ready_->limits().max_transport_bytes();
    if (Fits(episode, limit)) return false;
    v1::EpisodeResult result = TooLarge(episode, limit);
    if (outbox_.OnResult(result, now)) Deliver(&result);
    return true;
  }

  void AwaitWork() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    const absl::Time due = outbox_.NextDue();
    const auto work = [this, due]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
      return attempt_.ended || !answers_.empty() || MaySend(absl::Now()) || MayHalfClose() ||
             outbox_.NextDue() < due;
    };
    mu_.AwaitWithDeadline(absl::Condition(&work), due);
  }

  bool MaySend(absl::Time now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return !attempt_.going_away && unread_.size() < kMaxUnread && outbox_.CanTake(now);
  }

  // Not before everything is answered: until then the server may have questions.
  bool MayHalfClose() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return writes_done_ && attempt_.ready && !attempt_.going_away && outbox_.all_answered() &&
           answers_.empty() && !(config_.evaluate_teams && outbox_.owes_group());
  }

  const StreamConfig config_;
  const ConnectFn connect_;
  const std::string target_;

  absl::Mutex mu_;
  Outbox outbox_ ABSL_GUARDED_BY(mu_);
  std::deque<v1::EvaluateResponse> answers_ ABSL_GUARDED_BY(mu_);
  std::deque<StreamResult> unread_ ABSL_GUARDED_BY(mu_);
  std::optional<v1::StreamReady> ready_ ABSL_GUARDED_BY(mu_);
  Attempt attempt_ ABSL_GUARDED_BY(mu_);
  uint64_t generation_ ABSL_GUARDED_BY(mu_) = 0;
  // When a stream was first lost since the last result; bounds the reconnecting.
  std::optional<absl::Time> lost_since_ ABSL_GUARDED_BY(mu_);
  absl::Duration backoff_ ABSL_GUARDED_BY(mu_);
  bool writes_done_ ABSL_GUARDED_BY(mu_) = false;
  bool cancelled_ ABSL_GUARDED_BY(mu_) = false;
  bool over_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status status_ ABSL_GUARDED_BY(mu_);

  asio::thread_pool evaluators_;
  std::thread session_;  // last: it uses all of the above
};

}  // namespace

std::unique_ptr<SignalStream> NewReconnectingStream(StreamConfig config, ConnectFn connect,
                                                    const std::string& target) {
  return std::make_unique<ReconnectingStream>(std::move(config), std::move(connect), target);
}

}  // namespace assay::client
