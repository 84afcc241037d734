// Protobuf messages as JSON, by protobuf's own mapping.
#ifndef ASSAY_SERVER_BASE_JSON_H_
#define ASSAY_SERVER_BASE_JSON_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

namespace assay {

// How unset fields and white space are printed.
enum class JsonStyle {
  kCompact,   // one line, without fields that have their default
  kComplete,  // one line, with them: for readers that are not protobuf and would miss a 0
  kPretty,    // many lines, without fields that have their default
};

// "{}" where the message has no JSON form, which only Any and durations out of range can cause.
std::string ToJson(const google::protobuf::Message& message, JsonStyle style = JsonStyle::kCompact);

// Fills `message`. INVALID_ARGUMENT: `json` is no JSON, has a field that the message does not have,
// or has a shape that CheckJsonShape (json_shape.h) refuses.
absl::Status FromJson(absl::string_view json, google::protobuf::Message* message);

// As FromJson for the text of a file; error messages begin with its path. INVALID_ARGUMENT also
// where the file cannot be read.
absl::Status ReadJsonFile(const std::string& path, google::protobuf::Message* message);

}  // namespace assay

#endif  // ASSAY_SERVER_BASE_JSON_H_
