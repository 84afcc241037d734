// The door of the HTTP ports. Civetweb has a thread a connection: what stands in its way here,
// where a connection costs a few kilobytes, cannot take its threads. And it knows neither IPv6 nor
// Unix sockets.
#ifndef ASSAY_SERVER_TRANSPORT_RELAY_H_
#define ASSAY_SERVER_TRANSPORT_RELAY_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace assay::service {

struct RelayLimits {
  // Held at once; more wait in the system's queue. Of one address at most half of them.
  int connections = 1024;
  // Carried on to the target at once; more wait here for at most `patience`. Of one address at most
  // three quarters of them.
  int carried = 60;
  absl::Duration patience = absl::Seconds(10);
  // From the connection's start to the end of its first request's head, and the size of that.
  absl::Duration head_time = absl::Seconds(10);
  size_t head_bytes = size_t{16} << 10;
};

// Carries connections to `address` on to a port of 127.0.0.1, byte by byte, on a thread of its own,
// once the head of the first request is there.
class Relay {
 public:
  // HOST:PORT, [IPV6]:PORT or unix:PATH; port 0 for one that the system picks. UNAVAILABLE: cannot
  // listen, with the system's reason.
  static absl::StatusOr<std::unique_ptr<Relay>> Start(const std::string& address, int target_port,
                                                      const RelayLimits& limits);
  virtual ~Relay() = default;    // closes all connections, and removes a Unix socket
  virtual int port() const = 0;  // 0: a Unix socket

  // Both are of the connection that the target knows by `inside_port`, its peer's port. Thread
  // safe. Its real peer, as gRPC writes it: ipv4:ADDRESS:PORT, ipv6:[ADDRESS]:PORT or unix:. Empty:
  // there is none.
  virtual std::string PeerOf(int inside_port) = 0;
  // What still comes from the peer is dropped; the target's answer gets through.
  virtual void StopReading(int inside_port) = 0;
};

}  // namespace assay::service

#endif  // ASSAY_SERVER_TRANSPORT_RELAY_H_
