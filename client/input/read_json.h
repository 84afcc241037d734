// Reading the JSON of people and programs: what does not fit is said with the path of its field.
#ifndef ASSAY_CLIENT_INPUT_READ_JSON_H_
#define ASSAY_CLIENT_INPUT_READ_JSON_H_

#include <string>

#include "absl/status/status.h"
#include "google/protobuf/message.h"

namespace assay::command {

// Fills `message`. `json` must be JSON (NotJson). INVALID_ARGUMENT with the field path: an unknown
// field, or a value of the wrong type.
absl::Status ReadJson(const std::string& json, google::protobuf::Message* message);

// As ReadJson; INVALID_ARGUMENT also where `json` is no JSON.
absl::Status ParseJson(const std::string& json, google::protobuf::Message* message);

// As ParseJson, of a whole file. INVALID_ARGUMENT, which names the path: it cannot be read.
absl::Status ParseJsonFile(const std::string& path, google::protobuf::Message* message);

}  // namespace assay::command

#endif  // ASSAY_CLIENT_INPUT_READ_JSON_H_
