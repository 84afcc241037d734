#include "server/base/json.h"

#include "absl/strings/str_cat.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "server/base/json_reader.h"
#include "server/base/json_shape.h"
#include "server/base/json_writer.h"
#include "server/base/read_file.h"
#include "server/base/status_macros.h"

namespace assay {

std::string ToJson(const google::protobuf::Message& message, JsonStyle style) {
  std::string json;
  if (style == JsonStyle::kCompact && AppendJson(message, &json)) return json;
  json.clear();
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = style == JsonStyle::kPretty;
  options.always_print_primitive_fields = style == JsonStyle::kComplete;
  if (!google::protobuf::util::MessageToJsonString(message, &json, options).ok()) json = "{}";
  return json;
}

absl::Status FromJson(absl::string_view json, google::protobuf::Message* message) {
  message->Clear();
  if (ReadPlainJson(json, message)) return absl::OkStatus();
  message->Clear();
  const bool free_form = message->GetDescriptor() == google::protobuf::Struct::descriptor();
  ASSAY_RETURN_IF_ERROR(CheckJsonShape(json, free_form));
  const auto status =
      google::protobuf::util::JsonStringToMessage({json.data(), json.size()}, message);
  if (status.ok()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::string_view(status.message().data(), status.message().size()));
}

absl::Status ReadJsonFile(const std::string& path, google::protobuf::Message* message) {
  ASSAY_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  absl::Status parsed = FromJson(text, message);
  if (parsed.ok()) return parsed;
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", parsed.message()));
}

}  // namespace assay
