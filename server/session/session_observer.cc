#include "server/session/session_observer.h"

namespace assay::service {

absl::string_view RejectReasonLabel(RejectReason reason) {
  switch (reason) {
    case RejectReason::kCredits:
      return "credits";
    case RejectReason::kServer:
      return "server";
    case RejectReason::kStreams:
      return "streams";
    case RejectReason::kGroups:
      return "groups";
    case RejectReason::kClientDoesNotRead:
      return "client_does_not_read";
    case RejectReason::kCaller:
      return "caller";
  }
  return "unknown";
}

}  // namespace assay::service
