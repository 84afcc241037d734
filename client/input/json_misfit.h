// Where a JSON value is not what a message takes.
#ifndef ASSAY_CLIENT_INPUT_JSON_MISFIT_H_
#define ASSAY_CLIENT_INPUT_JSON_MISFIT_H_

#include <string>

#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"

namespace assay::command {

// Why `json` is not one value of JSON (RFC 8259); empty where it is one. O(size).
std::string NotJson(absl::string_view json);

// The first place, in the order of the text, at which `json`, which must be JSON, does not fit the
// proto3 JSON mapping of `message`, as "PATH: reason"; empty where all fits. The Python client says
// the same (assay_rl.convert.misfit). O(size).
std::string Misfit(absl::string_view json, const google::protobuf::Descriptor& message);

}  // namespace assay::command

#endif  // ASSAY_CLIENT_INPUT_JSON_MISFIT_H_
