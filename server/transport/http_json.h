// JSON from outside, as the HTTP gateway reads it.
#ifndef ASSAY_SERVER_TRANSPORT_HTTP_JSON_H_
#define ASSAY_SERVER_TRANSPORT_HTTP_JSON_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

namespace assay::service {

// INVALID_ARGUMENT: names `path` and what is wrong, without the text around it.
absl::Status ParseJson(absl::string_view path, absl::string_view json,
                       google::protobuf::Message* message);

}  // namespace assay::service

#endif  // ASSAY_SERVER_TRANSPORT_HTTP_JSON_H_
