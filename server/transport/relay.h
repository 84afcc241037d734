// Stands in front of the HTTP ports. Civetweb has a thread for each connection, and a connection
// that says nothing would hold one; here such a connection waits for a few kilobytes. Civetweb also
// knows neither IPv6 nor Unix sockets.
#ifndef ASSAY_SERVER_TRANSPORT_RELAY_H_
#define ASSAY_SERVER_TRANSPORT_RELAY_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/wire/limits.h"

namespace assay::service {

// Carries connections to `address` on to a port of 127.0.0.1, byte by byte, on a thread of its own,
// once the head of the first request is there.
class Relay {
 public:
  // HOST:PORT, [IPV6]:PORT or unix:PATH; port 0 for one that the system picks. UNAVAILABLE: cannot
  // listen, with the system's reason.
  static absl::StatusOr<std::unique_ptr<Relay>> Start(const std::string& address, int target_port,
                                                      const HttpLimits& limits);
  virtual ~Relay() = default;    // closes all connections, and removes a Unix socket
  virtual int port() const = 0;  // 0: a Unix socket

  // The two functions below are about the connection that the target knows by `inside_port`, the
  // port of its peer. They are thread safe.

  // The real peer of the connection as gRPC writes it: ipv4:ADDRESS:PORT, ipv6:[ADDRESS]:PORT or
  // unix:. Empty where there is no such connection.
  virtual std::string PeerOf(int inside_port) = 0;
  // From now on drops what comes from the peer. The target's answer still gets through.
  virtual void StopReading(int inside_port) = 0;
};

}  // namespace assay::service

#endif  // ASSAY_SERVER_TRANSPORT_RELAY_H_
