// An evaluator behind EvaluatorService: any gRPC server that the operator has configured.
#ifndef ASSAY_SERVER_EVALUATION_REMOTE_REMOTE_H_
#define ASSAY_SERVER_EVALUATION_REMOTE_REMOTE_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/evaluation/evaluator.h"
#include "server/evaluation/registry.h"
#include "server/evaluation/wrappers/call_policy.h"

namespace assay::evaluation {

struct RemoteTls {
  std::string ca_file;    // PEM; empty: the system's roots
  std::string cert_file;  // PEM, with key_file: who we are (mutual TLS)
  std::string key_file;
  std::string server_name;  // expected in the certificate; empty: the endpoint's host
};

struct RemoteOptions {
  std::string name;
  // Each is HOST:PORT. Calls take turns; an endpoint that cannot be reached is passed over.
  std::vector<std::string> endpoints;
  std::optional<RemoteTls> tls;  // unset: plaintext
  // What the evaluator can answer. Where it is unset GetEvaluatorInfo is asked at the start, for at
  // most `info_timeout`; where nobody answers that, it is taken to answer coalitions only, at a
  // price and with noise.
  std::optional<signals::EvaluatorTraits> traits;
  absl::Duration info_timeout = absl::Seconds(3);
  CallPolicy policy;
};

// Makes the evaluator. No thread waits for a call. `timers` and the observers must outlive every
// call. INVALID_ARGUMENT: there is no endpoint, or a TLS file cannot be read.
absl::StatusOr<std::shared_ptr<Evaluator>> MakeRemote(const RemoteOptions& options, Timers* timers,
                                                      QuestionObservers observers);

// The evaluator as the registry keeps it.
NamedEvaluator NamedRemote(const RemoteOptions& options);

}  // namespace assay::evaluation

#endif  // ASSAY_SERVER_EVALUATION_REMOTE_REMOTE_H_
