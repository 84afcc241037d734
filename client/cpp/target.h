// gRPC's names of servers, such as HOST:PORT, and what stands between them and us.
#ifndef ASSAY_CLIENT_CPP_TARGET_H_
#define ASSAY_CLIENT_CPP_TARGET_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace assay::client {

// Whether a target is this machine's own: its loopback or a Unix socket.
bool IsLocal(absl::string_view target);

// NAME=HOST:PORT of the environment variable that names the proxy to a target, without a password;
// empty where gRPC takes none.
std::string ProxyOf(absl::string_view target);

// UNAVAILABLE and DEADLINE_EXCEEDED of a call to `target`, with its address and the proxy on the
// way; any other status as it is, and all of them where the target is empty: it is not known.
absl::Status Explained(const absl::Status& status, absl::string_view target);

}  // namespace assay::client

#endif  // ASSAY_CLIENT_CPP_TARGET_H_
