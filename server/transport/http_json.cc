#include "server/transport/http_json.h"

#include "absl/strings/str_cat.h"
#include "server/base/json.h"
#include "server/base/utf8.h"
#include "server/wire/errors.h"

namespace assay::service {
namespace {

constexpr size_t kMaxJsonErrorBytes = 256;

}  // namespace

absl::Status ParseJson(absl::string_view path, absl::string_view json,
                       google::protobuf::Message* message) {
  const absl::Status parsed = FromJson(json, message);
  if (parsed.ok()) return parsed;
  // The parser quotes the text around the fault: only its first line, which names the kind.
  const std::string what(parsed.message());
  return Invalid(path, absl::StrCat("is not its JSON form: ",
                                    CutText(what.substr(0, what.find('\n')), kMaxJsonErrorBytes)));
}

}  // namespace assay::service
