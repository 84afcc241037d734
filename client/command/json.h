// The proto3 JSON mapping, which is the JSON of everything that Assay reads and writes.
#ifndef ASSAY_CLIENT_COMMAND_JSON_H_
#define ASSAY_CLIENT_COMMAND_JSON_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

namespace assay::command {

// One line, without the end of line. Numbers that are zero are written, optional ones that are
// unset are not.
std::string ToJson(const google::protobuf::Message& message);

// Several lines, for people.
std::string ToPrettyJson(const google::protobuf::Message& message);

// INVALID_ARGUMENT with the field path: an unknown field or a value of the wrong type. `json` must
// be JSON.
absl::Status ReadJson(const std::string& json, google::protobuf::Message* message);

// As ReadJson; INVALID_ARGUMENT also where `json` is not JSON.
absl::Status FromJson(const std::string& json, google::protobuf::Message* message);

// NOT_FOUND: "cannot read PATH: " and what the error number says.
absl::Status CannotRead(absl::string_view path, int error_number);

// NOT_FOUND: it cannot be read.
absl::StatusOr<std::string> ReadFile(const std::string& path);

// As FromJson, of a whole file. NOT_FOUND: it cannot be read.
absl::Status ReadJsonFile(const std::string& path, google::protobuf::Message* message);

}  // namespace assay::command

#endif  // ASSAY_CLIENT_COMMAND_JSON_H_
