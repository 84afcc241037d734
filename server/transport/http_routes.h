// What the HTTP gateway answers, without the sockets: the same validation and limits as gRPC, JSON
// by the proto3 mapping.
//
//   POST /v1/signals   ComputeSignalsRequest -> ComputeSignalsResponse, with the advantages of its
//                      groups; with Content-Type application/x-protobuf both in binary form, with
//                      application/x-ndjson a stream of lines (http_stream.h).
//   POST /get_reward   OpenRLHF's remote reward protocol: {query, prompts, labels}, lists of equal
//                      length -> {rewards, scores, extra_logs}. A label is an Episode; where its
//                      last message is an agent's and empty, it takes what the query adds to the
//                      prompt. The reward is the episode's score. extra_logs: first_error (-1: none
//                      claimed) and message_rewards, a list a query; with ?logs=scalar only
//                      first_error, which OpenRLHF can batch where episodes differ in length.
//   POST /rm           slime's rm_url protocol: {prompt, response, label} -> the score as a bare
//                      number; with ?signals=1 {"score", "signals"}.
//
// A failure is an HTTP status (400, 401, 403, 404, 413, 429, 500, 501, 503, 504) with {"error":
// Error}, never a reward.
#ifndef ASSAY_SERVER_TRANSPORT_HTTP_ROUTES_H_
#define ASSAY_SERVER_TRANSPORT_HTTP_ROUTES_H_

#include <optional>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/calls/batch_call.h"
#include "server/calls/call_gate.h"
#include "server/transport/http_stream.h"

namespace assay::service {

struct HttpReply {
  int status = 200;
  std::string body;
  absl::string_view content_type = "application/json";  // errors are JSON, whatever was sent
  std::optional<absl::Duration> retry_after;
  bool close = false;  // the connection: the request was not read to its end
};

struct HttpCall {
  absl::string_view path;
  absl::string_view query;          // what follows the ?
  absl::string_view authorization;  // headers; empty: not there
  absl::string_view traceparent;
  absl::string_view peer;  // address and port
  absl::string_view content_type;
  absl::string_view body;
};

HttpReply ToHttp(const absl::Status& status);

// Thread safe.
class HttpRoutes {
 public:
  using Done = absl::AnyInvocable<void(HttpReply)>;

  // `gate` may be null: everybody may call. All that is pointed to outlives this.
  HttpRoutes(const ServiceDeps& deps, CallGate* gate) : deps_(deps), gate_(gate) {}

  // Whether a request with this Authorization header may be made, asked before its body is read.
  // UNAUTHENTICATED: it may not.
  absl::Status MayCall(absl::string_view authorization) const;
  // Whether a request is answered while its body is read, which is what Stream does, and blocks.
  // Stream returns why it refused the request before anything was written, and nothing where it
  // answered.
  static bool IsStream(const HttpCall& call);
  std::optional<HttpReply> Stream(const HttpCall& call, HttpDuplex duplex) const;
  // Calls `done` exactly once, possibly before it returns.
  void Post(const HttpCall& call, Done done) const;

  const Limits& limits() const { return deps_.config->limits; }

 private:
  absl::StatusOr<CallContext> ContextOf(const HttpCall& call) const;
  void Signals(CallContext context, absl::string_view body, bool binary, Done done) const;
  void GetReward(CallContext context, absl::string_view body, bool scalar_logs, Done done) const;
  void RewardModel(CallContext context, absl::string_view body, bool with_signals, Done done) const;
  void Compute(CallContext context, std::shared_ptr<const v1::ComputeSignalsRequest> request,
               BatchCall::Done done) const;

  const ServiceDeps deps_;
  CallGate* const gate_;
};

}  // namespace assay::service

#endif  // ASSAY_SERVER_TRANSPORT_HTTP_ROUTES_H_
