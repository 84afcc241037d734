// The C++ client of assay.v1.SignalService. One thread writes episodes and another reads results,
// which come in the order in which they are ready:
//
//   auto client = SignalClient::Connect("127.0.0.1:50051");
//   auto stream = client->Stream(config);
//   std::thread writer([&] {
//     for (v1::Episode& episode : episodes) stream->Write(std::move(episode)).IgnoreError();
//     stream->WritesDone();
//   });
//   while (std::optional<StreamResult> result = stream->Read()) {
//     Train(*result);
//   }
//   writer.join();
//   absl::Status status = stream->Finish();
#ifndef ASSAY_CLIENT_H_
#define ASSAY_CLIENT_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "assay/v1/episode.pb.h"
#include "assay/v1/evaluator_service.pb.h"
#include "assay/v1/options.pb.h"
#include "assay/v1/signal_service.pb.h"

namespace grpc {
class Channel;
}

namespace assay::client {

// One result of a stream: an episode's signals or error, or a group's.
using StreamResult = std::variant<v1::EpisodeResult, v1::GroupResult>;

// Answers the questions of `request` about `episode`: one answer for each question, in order. A
// status that is not OK becomes the error of the batch. It is called on the stream's own threads,
// never on the one that reads, and by at most StreamConfig::evaluator_threads of them at once.
using EvaluateFn = std::function<absl::StatusOr<v1::Answers>(const v1::Episode& episode,
                                                             const v1::EvaluateRequest& request)>;

// The episodes that the questions of a batch about a group name, by id.
using GroupEpisodes = std::map<std::string, std::shared_ptr<const v1::Episode>>;

// Answers, in the same way, questions about teams of a group (Counterfactual.team), which are put
// together from `episodes`.
using EvaluateTeamsFn = std::function<absl::StatusOr<v1::Answers>(
    const GroupEpisodes& episodes, const v1::EvaluateRequest& request)>;

// The team of a question about a group: by agent the episode whose messages it takes. An agent that
// is not there is absent, or wrote nothing.
using Team = std::map<std::string, std::shared_ptr<const v1::Episode>>;
// The team that a question is about. `episodes` are those of the batch. INVALID_ARGUMENT: the
// question is not about a team of theirs.
absl::StatusOr<Team> TeamOf(const v1::Question& question, const GroupEpisodes& episodes);

struct StreamConfig {
  v1::AttributionOptions options;
  EvaluateFn evaluate;             // needed where options.caller is set
  EvaluateTeamsFn evaluate_teams;  // needed where options.caller supports QUESTION_KIND_TEAM
  // Takes the server's hints, which are for people. It is called on one of the stream's own threads
  // and must not block for long.
  std::function<void(const v1::Notice&)> on_notice;
  int evaluator_threads = 1;  // >= 1
  // How long to try to reach a server that was never reached, before giving up with the reason why
  // it cannot be.
  absl::Duration connect_timeout = absl::Seconds(2);
  // How long to go on opening streams, without a result from any of them, before giving up with
  // the last stream's error.
  absl::Duration reconnect_timeout = absl::Seconds(30);
  // How long the server may take from the opening of a stream to its `ready`.
  absl::Duration ready_timeout = absl::Seconds(20);
  // How long the server may be silent while episodes are in flight. After that the stream ends, and
  // Finish returns DEADLINE_EXCEEDED.
  absl::Duration idle_timeout = absl::Minutes(10);
  absl::Time deadline = absl::InfiniteFuture();
  // How often an episode is sent again when the server asks for that (Error.retry_after).
  int max_retries = 8;
};

// A stream that outlives its connections: when the server goes away or is lost, a new stream is
// opened, whatever is unanswered is sent again, and repeated results are suppressed. Every episode
// written is answered exactly once, or Finish is not OK.
//
// One thread may Write while another Reads; a thread that does both must not write more than about
// 1,000 episodes ahead of its reading, because Write waits while results are left unread.
class SignalStream {
 public:
  virtual ~SignalStream() = default;  // cancels what is unfinished

  // Hands an episode over to be sent; waits while more than 256 episodes or 64 MiB have not been
  // sent. ALREADY_EXISTS: an episode of this id is unanswered; this one is dropped, and the stream
  // goes on. With any other error the stream is over, and Finish says why.
  virtual absl::Status Write(v1::Episode episode) = 0;

  // No more episodes will follow; groups that are incomplete are answered as they are.
  virtual void WritesDone() = 0;

  // Waits for the next result and returns it; results come in the order in which they are ready.
  // Unset where the stream is over.
  virtual std::optional<StreamResult> Read() = 0;

  // Waits for the options as the server resolved them, and its limits. Unset where the stream ended
  // before they came.
  virtual std::optional<v1::StreamReady> Ready() = 0;

  // Ends the stream as soon as possible. Finish then returns CANCELLED.
  virtual void Cancel() = 0;

  // Waits for the end of the stream. OK where WritesDone was called and every episode and group has
  // been answered.
  virtual absl::Status Finish() = 0;
};

struct ConnectOptions {
  std::string target;           // a gRPC name, such as HOST:PORT
  bool tls = false;             // else plaintext
  std::string tls_roots;        // PEM; empty: those of the system
  std::string tls_certificate;  // PEM of our own chain and key, where the server asks for them
  std::string tls_key;
  std::string token;  // sent as `authorization: Bearer TOKEN`; empty: none
};

// Thread safe.
class SignalClient {
 public:
  // The client connects with the first call.
  static std::unique_ptr<SignalClient> Connect(ConnectOptions options);
  // The same in plaintext and without a token.
  static std::unique_ptr<SignalClient> Connect(const std::string& target);

  // A client over a channel of one's own. Errors name `target` as the server, where it is given.
  SignalClient(std::shared_ptr<grpc::Channel> channel, std::string token, std::string target = "");

  std::unique_ptr<SignalStream> Stream(StreamConfig config);

  absl::StatusOr<v1::ComputeSignalsResponse> ComputeSignals(
      const v1::ComputeSignalsRequest& request, absl::Duration timeout);
  absl::StatusOr<v1::ComputeAdvantagesResponse> ComputeAdvantages(
      const v1::ComputeAdvantagesRequest& request, absl::Duration timeout);
  absl::StatusOr<v1::GetServerInfoResponse> GetServerInfo(absl::Duration timeout);

 private:
  const std::shared_ptr<grpc::Channel> channel_;
  const std::string token_;
  const std::string target_;
};

}  // namespace assay::client

#endif  // ASSAY_CLIENT_H_
