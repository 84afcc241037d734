#include "client/command/json.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "absl/strings/str_cat.h"
#include "client/command/json_misfit.h"
#include "google/protobuf/util/json_util.h"
#include "server/base/json.h"

namespace assay::command {
namespace {

std::string Print(const google::protobuf::Message& message, bool pretty) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = pretty;
  // A reader that is not protobuf would take a missing reward for a failure.
  options.always_print_primitive_fields = !pretty;
  std::string json;
  // Fails only for Any and out-of-range durations, of which the server sends none.
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  return status.ok() ? json : absl::StrCat("{\"unprintable\": \"", status.ToString(), "\"}");
}

}  // namespace

std::string ToJson(const google::protobuf::Message& message) { return Print(message, false); }

std::string ToPrettyJson(const google::protobuf::Message& message) { return Print(message, true); }

absl::Status ReadJson(const std::string& json, google::protobuf::Message* message) {
  const std::string misfit = Misfit(json, *message->GetDescriptor());
  if (!misfit.empty()) return absl::InvalidArgumentError(misfit);
  return assay::FromJson(json, message);
}

absl::Status FromJson(const std::string& json, google::protobuf::Message* message) {
  const std::string fault = NotJson(json);
  return fault.empty() ? ReadJson(json, message) : absl::InvalidArgumentError(fault);
}

absl::Status CannotRead(absl::string_view path, int error_number) {
  return absl::NotFoundError(absl::StrCat("cannot read ", path, ": ", std::strerror(error_number)));
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "rbe"), &std::fclose);
  if (file == nullptr) return CannotRead(path, errno);
  std::string text;
  std::array<char, 16 << 10> piece;
  while (const size_t size = std::fread(piece.data(), 1, piece.size(), file.get())) {
    text.append(piece.data(), size);
  }
  if (std::ferror(file.get()) != 0) return CannotRead(path, errno);
  return text;
}

absl::Status ReadJsonFile(const std::string& path, google::protobuf::Message* message) {
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (!text.ok()) return text.status();
  absl::Status status = FromJson(*text, message);
  if (status.ok()) return status;
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", status.message()));
}

}  // namespace assay::command
