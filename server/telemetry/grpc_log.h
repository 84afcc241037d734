#ifndef ASSAY_SERVER_TELEMETRY_GRPC_LOG_H_
#define ASSAY_SERVER_TELEMETRY_GRPC_LOG_H_

#include "server/telemetry/log.h"

namespace assay::telemetry {

// What gRPC says of errors goes to `log` for as long as this lives, and no longer to standard error
// line by line: it has a line for every handshake that fails, which anybody can bring about. All of
// it counts as one source of LineLimiter. At most one at a time; `log` outlives it.
class GrpcLog {
 public:
  explicit GrpcLog(const Log* log);
  ~GrpcLog();
  GrpcLog(const GrpcLog&) = delete;
  GrpcLog& operator=(const GrpcLog&) = delete;
};

}  // namespace assay::telemetry

#endif  // ASSAY_SERVER_TELEMETRY_GRPC_LOG_H_
