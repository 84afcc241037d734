#include "client/input/json_misfit.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/base/command_line.h"

namespace assay::command {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using Json = nlohmann::ordered_json;

constexpr absl::string_view kTooEarly = "not JSON: it ends too early";
constexpr absl::string_view kHalf = "not JSON: half of a surrogate pair";

const char* KindOf(const Json& value) {
  if (value.is_null()) return "null";
  if (value.is_boolean()) return "a boolean";
  if (value.is_number()) return "a number";
  if (value.is_string()) return "a text";
  return value.is_object() ? "an object" : "a list";
}

std::string Wrong(absl::string_view path, absl::string_view wanted, const Json& value) {
  return absl::StrCat(path, path.empty() ? "" : ": ", wanted, " expected, got ", KindOf(value));
}

// Finds the place where the text is no JSON.
class Listener : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return true; }
  bool key(string_t&) override { return true; }
  bool end_object() override { return true; }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::json::exception& error) override {
    position_ = position;
    what_ = error.what();
    return false;
  }

  std::size_t position_ = 0;
  std::string what_;
};

class Walk {
 public:
  // True where `value` fits.
  bool Message(const Json& value, const Descriptor& message, const std::string& path) {
    if (message.full_name() == "google.protobuf.Duration") {
      return value.is_string() || Fail(Wrong(path, "a text such as \"30s\"", value));
    }
    if (!value.is_object()) return Fail(Wrong(path, "an object", value));
    if (message.full_name() == "google.protobuf.Struct") return true;
    std::set<const FieldDescriptor*> seen;
    std::set<const google::protobuf::OneofDescriptor*> chosen;
    for (const auto& [name, held] : value.items()) {
      const std::string inner = absl::StrCat(path, path.empty() ? "" : ".", name);
      const FieldDescriptor* const field = Find(message, name);
      if (field == nullptr) {
        std::vector<absl::string_view> names;
        names.reserve(message.field_count());
        for (int i = 0; i < message.field_count(); ++i) {
          names.push_back(message.field(i)->json_name());
        }
        return Fail(absl::StrCat(inner, ": no such field", DidYouMean(Closest(name, names))));
      }
      if (!seen.insert(field).second) return Fail(absl::StrCat(inner, ": is there twice"));
      if (held.is_null()) continue;
      const auto* const oneof = field->real_containing_oneof();
      if (oneof != nullptr && !chosen.insert(oneof).second) {
        return Fail(absl::StrCat(inner, ": another ", oneof->name(), " is given already"));
      }
      if (!Field(held, *field, inner)) return false;
    }
    return true;
  }

  const std::string& fault() const { return fault_; }

 private:
  bool Fail(std::string fault) {
    fault_ = std::move(fault);
    return false;
  }

  static const FieldDescriptor* Find(const Descriptor& message, const std::string& name) {
    const FieldDescriptor* const field = message.FindFieldByName(name);
    if (field != nullptr) return field;
    for (int i = 0; i < message.field_count(); ++i) {
      if (message.field(i)->json_name() == name) return message.field(i);
    }
    return nullptr;
  }

  bool Field(const Json& value, const FieldDescriptor& field, const std::string& path) {
    if (field.is_map()) {
      if (!value.is_object()) return Fail(Wrong(path, "an object", value));
      const FieldDescriptor& held = *field.message_type()->map_value();
      for (const auto& [name, inner] : value.items()) {
        if (!One(inner, held, absl::StrCat(path, ".", name))) return false;
      }
      return true;
    }
    if (!field.is_repeated()) return One(value, field, path);
    if (!value.is_array()) return Fail(Wrong(path, "a list", value));
    for (size_t i = 0; i < value.size(); ++i) {
      if (!One(value[i], field, absl::StrCat(path, "[", i, "]"))) return false;
    }
    return true;
  }

  bool One(const Json& value, const FieldDescriptor& field, const std::string& path) {
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return Message(value, *field.message_type(), path);
      case FieldDescriptor::CPPTYPE_STRING:
        return value.is_string() || Fail(Wrong(path, "a text", value));
      case FieldDescriptor::CPPTYPE_BOOL:
        return value.is_boolean() || Fail(Wrong(path, "true or false", value));
      case FieldDescriptor::CPPTYPE_ENUM:
        return Enum(value, *field.enum_type(), path);
      case FieldDescriptor::CPPTYPE_DOUBLE:
      case FieldDescriptor::CPPTYPE_FLOAT:
        return Real(value, path);
      case FieldDescriptor::CPPTYPE_INT32:
        return Whole(value, -0x1p31, 0x1p31, path);
      case FieldDescriptor::CPPTYPE_UINT32:
        return Whole(value, 0, 0x1p32, path);
      case FieldDescriptor::CPPTYPE_INT64:
        return Whole(value, -0x1p63, 0x1p63, path);
      case FieldDescriptor::CPPTYPE_UINT64:
        return Whole(value, 0, 0x1p64, path);
    }
    return true;
  }

  bool Enum(const Json& value, const EnumDescriptor& type, const std::string& path) {
    if (value.is_number_integer()) return true;  // of a later version
    if (!value.is_string()) return Fail(Wrong(path, "a name", value));
    const std::string& name = value.get_ref<const std::string&>();
    if (type.FindValueByName(name) != nullptr) return true;
    std::vector<absl::string_view> names;
    names.reserve(type.value_count());
    for (int i = 0; i < type.value_count(); ++i) names.push_back(type.value(i)->name());
    return Fail(absl::StrCat(path, ": no such value: ", name, DidYouMean(Closest(name, names))));
  }

  // A number, or a text that is one.
  bool Real(const Json& value, const std::string& path) {
    if (value.is_number()) return true;
    double number = 0;
    if (value.is_string()) {
      const std::string& text = value.get_ref<const std::string&>();
      if (text == "NaN" || text == "Infinity" || text == "-Infinity") return true;
      if (absl::SimpleAtod(text, &number) && std::isfinite(number)) return true;
    }
    return Fail(Wrong(path, "a number", value));
  }

  bool Whole(const Json& value, double low, double high, const std::string& path) {
    double number = 0;
    const bool is_number =
        value.is_number() ||
        (value.is_string() && absl::SimpleAtod(value.get_ref<const std::string&>(), &number));
    if (value.is_number()) number = value.get<double>();
    if (!is_number || number != std::floor(number)) {
      return Fail(is_number ? absl::StrCat(path, ": a whole number expected")
                            : Wrong(path, "a whole number", value));
    }
    return (low <= number && number < high) || Fail(absl::StrCat(path, ": out of range"));
  }

  std::string fault_;
};

}  // namespace

std::string NotJson(absl::string_view json) {
  Listener listener;
  if (nlohmann::json::sax_parse(json.begin(), json.end(), &listener)) return "";
  if (absl::StrContains(listener.what_, "surrogate")) return std::string(kHalf);
  return listener.position_ > json.size() ? std::string(kTooEarly) : "not JSON";
}

std::string Misfit(absl::string_view json, const Descriptor& message) {
  Walk walk;
  walk.Message(Json::parse(json.begin(), json.end()), message, "");
  return walk.fault();
}

}  // namespace assay::command
