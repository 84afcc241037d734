#include "server/telemetry/grpc_log.h"

#include <grpc/support/log.h>

#include <chrono>

#include "absl/base/thread_annotations.h"
#include "server/base/mutex.h"

namespace assay::telemetry {
namespace {

// gRPC calls a plain function, on any of its threads.
Mutex mutex;
const Log* to ABSL_GUARDED_BY(mutex) = nullptr;

LineLimiter& Lines() {
  static LineLimiter& lines = *new LineLimiter();
  return lines;
}

void OnLine(gpr_log_func_args* line) {
  MutexLock lock(&mutex);
  if (to == nullptr) return;
  const auto left_out = Lines().Admit("grpc", std::chrono::steady_clock::now());
  if (!left_out.has_value()) return;
  const Level level = line->severity == GPR_LOG_SEVERITY_ERROR ? Level::kWarning : Level::kInfo;
  to->Write(level, "grpc",
            {{"message", absl::string_view(line->message)}, {"left_out", *left_out}});
}

void SetLog(const Log* log) {
  MutexLock lock(&mutex);
  to = log;
}

}  // namespace

GrpcLog::GrpcLog(const Log* log) {
  SetLog(log);
  gpr_set_log_function(&OnLine);
}

GrpcLog::~GrpcLog() {
  gpr_set_log_function(nullptr);  // gRPC's own
  SetLog(nullptr);
}

}  // namespace assay::telemetry
