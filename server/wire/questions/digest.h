// Digests of what is on the wire, as audit records hold them.
#ifndef ASSAY_SERVER_WIRE_QUESTIONS_DIGEST_H_
#define ASSAY_SERVER_WIRE_QUESTIONS_DIGEST_H_

#include <string>

#include "absl/types/span.h"
#include "google/protobuf/message.h"

namespace assay {

// The SHA-256 digest (32 bytes) of the message's deterministic serialisation.
std::string MessageDigest(const google::protobuf::Message& message);
// The SHA-256 digest (32 bytes) of the values as little-endian IEEE 754 doubles.
std::string ValuesDigest(absl::Span<const double> values);

}  // namespace assay

#endif  // ASSAY_SERVER_WIRE_QUESTIONS_DIGEST_H_
