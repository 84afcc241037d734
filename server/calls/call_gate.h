// Decides who may call.
#ifndef ASSAY_SERVER_CALLS_CALL_GATE_H_
#define ASSAY_SERVER_CALLS_CALL_GATE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace assay::service {

// What a call says of its caller.
struct CallerIdentity {
  absl::string_view authorization;      // the header, such as "Bearer ..."; empty: none
  std::vector<std::string> peer_names;  // subject alternative names of its certificate
};

// Thread safe.
class CallGate {
 public:
  virtual ~CallGate() = default;
  // The caller's name, under which its limits are counted; empty: it showed none. UNAUTHENTICATED:
  // no or a wrong token. PERMISSION_DENIED: the certificate's names are not allowed.
  virtual absl::StatusOr<std::string> Check(const CallerIdentity& caller) = 0;
};

}  // namespace assay::service

#endif  // ASSAY_SERVER_CALLS_CALL_GATE_H_
