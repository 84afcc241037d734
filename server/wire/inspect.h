#ifndef ASSAY_SERVER_WIRE_INSPECT_H_
#define ASSAY_SERVER_WIRE_INSPECT_H_

#include <optional>
#include <string>

#include "google/protobuf/message.h"

namespace assay::service {

// Path and number of the first unknown field anywhere inside, such as "vote.99": options that were
// silently dropped would change results silently.
std::optional<std::string> FindUnknownField(const google::protobuf::Message& message);

// Path of the first double or float that is not finite, or of the first enum value that this build
// does not know.
std::optional<std::string> FindNotFinite(const google::protobuf::Message& message);
std::optional<std::string> FindUnknownEnum(const google::protobuf::Message& message);

}  // namespace assay::service

#endif  // ASSAY_SERVER_WIRE_INSPECT_H_
