#include "server/wire/inspect.h"

#include <cmath>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/unknown_field_set.h"

namespace assay::service {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// The part of a path below `message` at which a check on the message itself or one of its set
// fields fires.
using Check = absl::FunctionRef<std::optional<std::string>(const Message&)>;

std::optional<std::string> Walk(const Message& message, Check check) {
  if (auto found = check(message)) return found;
  std::vector<const FieldDescriptor*> fields;
  const auto* reflection = message.GetReflection();
  reflection->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    const int count = field->is_repeated() ? reflection->FieldSize(message, field) : 1;
    for (int i = 0; i < count; ++i) {
      const Message& inner = field->is_repeated()
                                 ? reflection->GetRepeatedMessage(message, field, i)
                                 : reflection->GetMessage(message, field);
      if (auto found = Walk(inner, check)) {
        return field->is_repeated() ? absl::StrCat(field->name(), "[", i, "].", *found)
                                    : absl::StrCat(field->name(), ".", *found);
      }
    }
  }
  return std::nullopt;
}

template <class F>
std::optional<std::string> FirstField(const Message& message, F bad) {
  std::vector<const FieldDescriptor*> fields;
  const auto* reflection = message.GetReflection();
  reflection->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (!field->is_repeated()) {
      if (bad(*reflection, field, -1)) return std::string(field->name());
      continue;
    }
    for (int i = 0; i < reflection->FieldSize(message, field); ++i) {
      if (bad(*reflection, field, i)) return absl::StrCat(field->name(), "[", i, "]");
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> FindUnknownField(const Message& message) {
  return Walk(message, [](const Message& m) -> std::optional<std::string> {
    const auto& unknown = m.GetReflection()->GetUnknownFields(m);
    if (unknown.empty()) return std::nullopt;
    return absl::StrCat(unknown.field(0).number());
  });
}

std::optional<std::string> FindNotFinite(const Message& message) {
  return Walk(message, [](const Message& m) {
    return FirstField(
        m, [&m](const google::protobuf::Reflection& r, const FieldDescriptor* field, int i) {
          if (field->cpp_type() != FieldDescriptor::CPPTYPE_DOUBLE) return false;
          return !std::isfinite(i < 0 ? r.GetDouble(m, field) : r.GetRepeatedDouble(m, field, i));
        });
  });
}

std::optional<std::string> FindUnknownEnum(const Message& message) {
  return Walk(message, [](const Message& m) {
    return FirstField(
        m, [&m](const google::protobuf::Reflection& r, const FieldDescriptor* field, int i) {
          if (field->cpp_type() != FieldDescriptor::CPPTYPE_ENUM) return false;
          const int value = i < 0 ? r.GetEnumValue(m, field) : r.GetRepeatedEnumValue(m, field, i);
          return field->enum_type()->FindValueByNumber(value) == nullptr;
        });
  });
}

}  // namespace assay::service
