#include "client/input/read_json.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "client/input/json_misfit.h"
#include "server/base/json.h"
#include "server/base/read_file.h"
#include "server/base/status_macros.h"

namespace assay::command {

absl::Status ReadJson(const std::string& json, google::protobuf::Message* message) {
  const std::string misfit = Misfit(json, *message->GetDescriptor());
  if (!misfit.empty()) return absl::InvalidArgumentError(misfit);
  return FromJson(json, message);
}

absl::Status ParseJson(const std::string& json, google::protobuf::Message* message) {
  const std::string fault = NotJson(json);
  return fault.empty() ? ReadJson(json, message) : absl::InvalidArgumentError(fault);
}

absl::Status ParseJsonFile(const std::string& path, google::protobuf::Message* message) {
  // A fitted prior in the options is as large as its episodes made it.
  constexpr int64_t kAnySize = std::numeric_limits<int64_t>::max();
  ASSAY_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kAnySize));
  absl::Status status = ParseJson(text, message);
  if (status.ok()) return status;
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", status.message()));
}

}  // namespace assay::command
