// Messages as JSON, as the HTTP gateway reads and writes them.
#ifndef ASSAY_SERVER_TRANSPORT_HTTP_JSON_H_
#define ASSAY_SERVER_TRANSPORT_HTTP_JSON_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

namespace assay::service {

// INVALID_ARGUMENT: names `path` and what is wrong, without the text around it.
absl::Status FromJson(absl::string_view path, absl::string_view json,
                      google::protobuf::Message* message);
// By the proto3 mapping, without fields that have their default; one line.
std::string ToJson(const google::protobuf::Message& message);

}  // namespace assay::service

#endif  // ASSAY_SERVER_TRANSPORT_HTTP_JSON_H_
