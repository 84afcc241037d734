// assay.v1.SignalService over gRPC. This room holds no rules: those of a stream are in
// StreamSession, and those of an episode in episode_work.h.
#ifndef ASSAY_SERVER_TRANSPORT_SIGNAL_SERVICE_H_
#define ASSAY_SERVER_TRANSPORT_SIGNAL_SERVICE_H_

#include <functional>
#include <memory>
#include <random>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/calls/batch_call.h"
#include "server/calls/call_gate.h"
#include "server/calls/call_observer.h"

namespace grpc {
class ServerBuilder;
}

namespace assay::service {

struct SignalServiceConfig {
  int max_streams = 4096;  // one more is RESOURCE_EXHAUSTED
  int max_streams_per_caller = 4096;
  // How long a stream that ended may keep its last write before it is cut off.
  absl::Duration linger = absl::Seconds(10);
  double max_age_jitter = 0.1;  // of DrawnAge
};

// The max_age of one stream: drawn from [1 - jitter, 1 + jitter] times `max_age`, so that streams
// that opened together do not all reconnect together.
absl::Duration DrawnAge(absl::Duration max_age, double jitter, std::minstd_rand* random);

class SignalServer {
 public:
  // `gate` may be null: everybody may call then. All that is pointed to outlives this.
  static std::unique_ptr<SignalServer> Make(const ServiceDeps& deps,
                                            const SignalServiceConfig& config, CallObservers calls,
                                            CallGate* gate);
  virtual ~SignalServer() = default;

  // Enters the service into a server, which this outlives: its stream as itself, and its unary
  // methods as what answers every call that no other service of the server has a method for.
  virtual void Register(grpc::ServerBuilder* builder) = 0;
  // Sends go_away on every stream; new ones are refused with UNAVAILABLE.
  virtual void Drain(absl::string_view reason, absl::Duration grace) = 0;
  virtual int streams() const = 0;
  // Streams and unary calls that are not over.
  virtual int calls() const = 0;
};

}  // namespace assay::service

#endif  // ASSAY_SERVER_TRANSPORT_SIGNAL_SERVICE_H_
