#ifndef ASSAY_SERVER_WIRE_DIGEST_H_
#define ASSAY_SERVER_WIRE_DIGEST_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "google/protobuf/message.h"

namespace assay::service {

// SHA-256, 32 bytes.
std::string Sha256(absl::string_view bytes);
// Of the deterministic serialisation.
std::string Sha256(const google::protobuf::Message& message);
// Of the little-endian IEEE 754 doubles.
std::string Sha256(absl::Span<const double> values);

}  // namespace assay::service

#endif  // ASSAY_SERVER_WIRE_DIGEST_H_
