// What a supervisor asks about the server of this machine: `assayd --probe=live` and
// `--probe=ready`.
#ifndef ASSAY_SERVER_RUNTIME_PROBE_H_
#define ASSAY_SERVER_RUNTIME_PROBE_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/runtime/config.h"

namespace assay::runtime {

// Asks the server that serves `config`, in at most `timeout`; the process that asks serves nothing.
//   live   the port of `listen` accepts a connection and begins to speak: with a handshake where it
//          speaks TLS, else with its HTTP/2 settings. It needs neither a token nor a certificate.
//   ready  live, and health says SERVING: on `ops`, or on `listen` where that is plaintext.
// UNAVAILABLE: it is not so. INVALID_ARGUMENT: no such probe.
absl::Status Probe(absl::string_view what, const Config& config, absl::Duration timeout);

}  // namespace assay::runtime

#endif  // ASSAY_SERVER_RUNTIME_PROBE_H_
