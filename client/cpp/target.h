// gRPC's names of servers, such as HOST:PORT, and what stands between them and us.
#ifndef ASSAY_CLIENT_CPP_TARGET_H_
#define ASSAY_CLIENT_CPP_TARGET_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace assay::client {

// Whether a target is this machine's own: its loopback or a Unix socket.
bool IsLocal(absl::string_view target);

// The environment variable that makes gRPC use a proxy for a target, as NAME=HOST:PORT and without
// a password; empty where gRPC uses no proxy.
std::string ProxyOf(absl::string_view target);

// The status of a call to `target`. To UNAVAILABLE and DEADLINE_EXCEEDED it adds the address and
// the proxy on the way; any other status, or any at all where `target` is empty, is returned as it
// is.
absl::Status Explained(const absl::Status& status, absl::string_view target);

}  // namespace assay::client

#endif  // ASSAY_CLIENT_CPP_TARGET_H_
