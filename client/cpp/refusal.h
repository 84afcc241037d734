#ifndef ASSAY_CLIENT_CPP_REFUSAL_H_
#define ASSAY_CLIENT_CPP_REFUSAL_H_

#include <string>

#include "absl/strings/string_view.h"

namespace assay::client {

// What gRPC says of a failed call, with the reason why its last address takes no TCP connection:
// gRPC 1.51 knows that address, and forgets the reason ("ipv4:127.0.0.1:1: tcp handshaker
// shutdown"). The address is tried once more for it, a fifth of a second at most. Any other text as
// it is, and this one where the address now takes a connection.
std::string WithRefusal(absl::string_view message);

}  // namespace assay::client

#endif  // ASSAY_CLIENT_CPP_REFUSAL_H_
