#ifndef ASSAY_CLIENT_CPP_REFUSAL_H_
#define ASSAY_CLIENT_CPP_REFUSAL_H_

#include <string>

#include "absl/strings/string_view.h"

namespace assay::client {

// gRPC 1.51 reports the address to which a call could not connect, but not the reason
// ("ipv4:127.0.0.1:1: tcp handshaker shutdown"). Returns such a message with the reason added, for
// which the address is tried once more, for at most a fifth of a second. Returns any other message
// as it is, and this one too where the address now takes a connection.
std::string WithRefusal(absl::string_view message);

}  // namespace assay::client

#endif  // ASSAY_CLIENT_CPP_REFUSAL_H_
