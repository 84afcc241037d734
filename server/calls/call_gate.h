// Decides who may call.
#ifndef ASSAY_SERVER_CALLS_CALL_GATE_H_
#define ASSAY_SERVER_CALLS_CALL_GATE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace assay::service {

// What a call says about who makes it.
struct CallerIdentity {
  absl::string_view authorization;      // the header, such as "Bearer ..."; empty: none
  std::vector<std::string> peer_names;  // subject alternative names of its certificate
};

// Thread safe.
class CallGate {
 public:
  virtual ~CallGate() = default;
  // The name under which the caller's limits are counted; empty where it showed neither token nor
  // certificate and needs none. UNAUTHENTICATED: the token is missing or wrong. PERMISSION_DENIED:
  // no name in the certificate is allowed.
  virtual absl::StatusOr<std::string> Check(const CallerIdentity& caller) = 0;
};

}  // namespace assay::service

#endif  // ASSAY_SERVER_CALLS_CALL_GATE_H_
