// Lets callers in by bearer tokens, from a file that may change while the server runs, and by the
// names in their certificates.
#ifndef ASSAY_SERVER_RUNTIME_GATE_H_
#define ASSAY_SERVER_RUNTIME_GATE_H_

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "server/base/mutex.h"
#include "server/calls/call_gate.h"

namespace assay::runtime {

class Gate final : public service::CallGate {
 public:
  // Where `token_file` is empty no token is asked for; where `allowed_names` is empty any
  // certificate is accepted.
  Gate(std::string token_file, std::vector<std::string> allowed_names);

  // The caller's name is the token's digest, or else the first name in its certificate. Tokens are
  // compared by digest and in constant time. The file is looked at again once a second; while it
  // cannot be read, or is empty because somebody is writing it, the tokens read last stay good. A
  // file of nothing but comments withdraws all of them.
  absl::StatusOr<std::string> Check(const service::CallerIdentity& caller) override;

 private:
  void Reload() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool Knows(const std::string& token);

  const std::string token_file_;
  const std::vector<std::string> allowed_names_;
  Mutex mutex_;
  std::vector<std::string> tokens_ ABSL_GUARDED_BY(mutex_);
  // Steady: a wall clock that is set back must not keep a withdrawn token good.
  std::optional<std::chrono::steady_clock::time_point> looked_at_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace assay::runtime

#endif  // ASSAY_SERVER_RUNTIME_GATE_H_
