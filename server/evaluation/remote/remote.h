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
  // HOST:PORT each. Calls go round; an endpoint that cannot be reached is passed over.
  std::vector<std::string> endpoints;
  std::optional<RemoteTls> tls;  // unset: plaintext
  // Unset: GetEvaluatorInfo is asked at the start, for at most `info_timeout`; where nobody
  // answers: coalitions only, paid, noisy.
  std::optional<signals::EvaluatorTraits> traits;
  absl::Duration info_timeout = absl::Seconds(3);
  CallPolicy policy;
};

// Callback API: no thread waits for a call. `timers` and the observers must outlive
// every call. INVALID_ARGUMENT: no endpoints, or a TLS file that cannot be read.
absl::StatusOr<std::shared_ptr<Evaluator>> MakeRemote(const RemoteOptions& options, Timers* timers,
                                                      QuestionObservers observers);

// As the registry keeps it.
NamedEvaluator NamedRemote(const RemoteOptions& options);

}  // namespace assay::evaluation

#endif  // ASSAY_SERVER_EVALUATION_REMOTE_REMOTE_H_
