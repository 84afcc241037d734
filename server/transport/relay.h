// Listens where the HTTP library cannot: Debian's civetweb knows neither IPv6 nor Unix sockets.
#ifndef ASSAY_SERVER_TRANSPORT_RELAY_H_
#define ASSAY_SERVER_TRANSPORT_RELAY_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace assay::service {

// Whether an address is one that civetweb cannot listen on: [IPv6]:PORT or unix:PATH.
bool NeedsRelay(absl::string_view address);

// Carries connections to `address` on to a port of 127.0.0.1, byte by byte, on a thread of its own.
// Who is there is then not known behind it: every peer is the loopback. At most 1,024 connections;
// more wait in the system's queue.
class Relay {
 public:
  // `port`: 0 for one that the system picks. UNAVAILABLE: cannot listen, with the system's reason.
  static absl::StatusOr<std::unique_ptr<Relay>> Start(const std::string& address, int target_port);
  virtual ~Relay() = default;    // closes all connections, and removes a Unix socket
  virtual int port() const = 0;  // 0: a Unix socket
};

}  // namespace assay::service

#endif  // ASSAY_SERVER_TRANSPORT_RELAY_H_
