#ifndef ASSAY_SERVER_WIRE_INSPECT_H_
#define ASSAY_SERVER_WIRE_INSPECT_H_

#include <optional>
#include <string>

#include "google/protobuf/message.h"

namespace assay::service {

// The path and number of the first unknown field anywhere in the message, such as "vote.99"; unset
// where there is none. Unknown options are refused, because dropping them would change results in
// silence.
std::optional<std::string> FindUnknownField(const google::protobuf::Message& message);

// The path of the first double or float that is not finite, and that of the first enum value that
// this build does not know; unset where there is none.
std::optional<std::string> FindNotFinite(const google::protobuf::Message& message);
std::optional<std::string> FindUnknownEnum(const google::protobuf::Message& message);

}  // namespace assay::service

#endif  // ASSAY_SERVER_WIRE_INSPECT_H_
