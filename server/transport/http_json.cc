#include "server/transport/http_json.h"

#include "absl/strings/str_cat.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "server/base/json_shape.h"
#include "server/base/utf8.h"
#include "server/wire/errors.h"

namespace assay::service {
namespace {

constexpr size_t kMaxJsonErrorBytes = 256;

}  // namespace

absl::Status FromJson(absl::string_view path, absl::string_view json,
                      google::protobuf::Message* message) {
  const bool free_form = message->GetDescriptor() == google::protobuf::Struct::descriptor();
  if (absl::Status shape = CheckJsonShape(json, free_form); !shape.ok()) {
    return Invalid(path, shape.message());
  }
  const auto parsed = google::protobuf::util::JsonStringToMessage(
      google::protobuf::StringPiece(json.data(), json.size()), message);
  if (parsed.ok()) return absl::OkStatus();
  // The parser quotes the text around the fault: only its first line, which names the kind.
  const std::string what(parsed.message());
  return Invalid(path, absl::StrCat("is not its JSON form: ",
                                    CutText(what.substr(0, what.find('\n')), kMaxJsonErrorBytes)));
}

std::string ToJson(const google::protobuf::Message& message) {
  std::string json;
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = false;
  if (!google::protobuf::util::MessageToJsonString(message, &json, options).ok()) json = "{}";
  return json;
}

}  // namespace assay::service
