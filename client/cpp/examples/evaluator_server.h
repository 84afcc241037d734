// A gRPC server for a function that answers batches: all that a remote evaluator needs.
#ifndef ASSAY_CLIENT_CPP_EXAMPLES_EVALUATOR_SERVER_H_
#define ASSAY_CLIENT_CPP_EXAMPLES_EVALUATOR_SERVER_H_

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "assay/v1/evaluator_service.pb.h"

namespace assay::examples {

struct EvaluatorServerOptions {
  std::string listen = "127.0.0.1:0";
  bool deterministic = true;
  absl::Duration latency;  // from request to response; no thread waits
};

// Prints "listening on PORT" and serves until SIGTERM or SIGINT. `answer` is called from many
// threads. UNAVAILABLE: the address cannot be bound.
absl::Status ServeEvaluator(
    const EvaluatorServerOptions& options,
    std::function<absl::StatusOr<v1::Answers>(const v1::EvaluateRequest&)> answer);

}  // namespace assay::examples

#endif  // ASSAY_CLIENT_CPP_EXAMPLES_EVALUATOR_SERVER_H_
