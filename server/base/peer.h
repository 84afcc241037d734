// Who a peer is where limits are shared out: connections, calls, lines of the log.
#ifndef ASSAY_SERVER_BASE_PEER_H_
#define ASSAY_SERVER_BASE_PEER_H_

#include <string>

#include "absl/strings/string_view.h"

namespace assay {

// The network that `peer` belongs to: one IPv4 address, or one IPv6 /64, because whoever has one
// address of it has them all. `peer` is an address with its port as gRPC writes it
// (ipv4:ADDRESS:PORT, ipv6:%5BADDRESS%5D:PORT, unix:...); brackets may stand as they are. An IPv4
// address mapped into IPv6 is that IPv4 address. Examples: ipv4:10.0.0.1:80 is of ipv4:10.0.0.1,
// ipv6:%5B2001:db8::7%5D:80 of ipv6:2001:db8::/64, and all Unix sockets are of unix.
std::string NetworkOf(absl::string_view peer);

}  // namespace assay

#endif  // ASSAY_SERVER_BASE_PEER_H_
