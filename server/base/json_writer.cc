#include "server/base/json_writer.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "google/protobuf/duration.pb.h"

namespace assay {
namespace {

using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr size_t kMaxNumberBytes = 32;
constexpr unsigned char kDelete = 0x7f;

// Line separators, which scripts take for the end of a line, and what could end an element of HTML.
bool IsEscaped(absl::string_view text, size_t i) {
  const auto c = static_cast<unsigned char>(text[i]);
  return c < ' ' || c == '"' || c == '\\' || c == '<' || c == '>' || c == kDelete ||
         (c == 0xe2 && (absl::StartsWith(text.substr(i), "\xe2\x80\xa8") ||
                        absl::StartsWith(text.substr(i), "\xe2\x80\xa9")));
}

void AppendText(absl::string_view text, std::string* json) {
  json->push_back('"');
  size_t plain = 0;  // where what is not written yet begins
  for (size_t i = 0; i < text.size(); ++i) {
    if (!IsEscaped(text, i)) continue;
    json->append(text.data() + plain, i - plain);
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == '"' || c == '\\') {
      json->append({'\\', text[i]});
    } else if (c == '\n') {
      json->append("\\n");
    } else if (c == 0xe2) {
      absl::StrAppend(json, "\\u202", absl::Hex(static_cast<unsigned char>(text[i + 2]) & 0x0f));
      i += 2;
    } else {
      absl::StrAppend(json, "\\u", absl::Hex(c, absl::kZeroPad4));
    }
    plain = i + 1;
  }
  json->append(text.data() + plain, text.size() - plain);
  json->push_back('"');
}

template <class Number>
void AppendNumber(Number value, std::string* json) {
  std::array<char, kMaxNumberBytes> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  json->append(digits.data(), end.ptr);
}

template <class Real>
void AppendReal(Real value, std::string* json) {
  if (value == 0) return void(json->append(std::signbit(value) ? "-0.0" : "0"));
  if (std::isfinite(value)) return AppendNumber(value, json);
  json->append(std::isnan(value) ? "\"NaN\"" : value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
}

// As text: scripts keep no more than 53 bits of a number.
template <class Number>
void AppendLong(Number value, std::string* json) {
  json->push_back('"');
  AppendNumber(value, json);
  json->push_back('"');
}

void AppendEnum(const FieldDescriptor& field, int number, std::string* json) {
  const EnumValueDescriptor* const value = field.enum_type()->FindValueByNumber(number);
  if (value == nullptr) return AppendNumber(number, json);
  absl::StrAppend(json, "\"", value->name(), "\"");
}

// With 0, 3, 6 or 9 digits of a second. False: its parts contradict each other.
bool AppendDuration(const google::protobuf::Duration& duration, std::string* json) {
  constexpr int64_t kMaxSeconds = 315'576'000'000;
  constexpr int32_t kNanos = 1'000'000'000;
  const int64_t seconds = duration.seconds();
  const int32_t nanos = duration.nanos();
  if (seconds > kMaxSeconds || seconds < -kMaxSeconds) return false;
  if (nanos >= kNanos || nanos <= -kNanos) return false;
  if ((seconds < 0 && nanos > 0) || (seconds > 0 && nanos < 0)) return false;
  absl::StrAppend(json, seconds < 0 || nanos < 0 ? "\"-" : "\"", std::abs(seconds));
  const std::string digits = nanos == 0 ? "" : absl::StrFormat(".%09d", std::abs(nanos));
  absl::string_view fraction = digits;
  while (absl::ConsumeSuffix(&fraction, "000")) {
  }
  absl::StrAppend(json, fraction, "s\"");
  return true;
}

// One message after another; `ok` where all of it could be written.
class Writer {
 public:
  explicit Writer(std::string* json) : json_(json) {}

  bool ok() const { return ok_; }

  void Write(const Message& message) {
    if (absl::StartsWith(message.GetDescriptor()->full_name(), "google.protobuf.")) {
      const auto* const duration =
          google::protobuf::DynamicCastToGenerated<google::protobuf::Duration>(&message);
      ok_ = duration != nullptr && AppendDuration(*duration, json_) && ok_;
      return;
    }
    std::vector<const FieldDescriptor*> fields;
    message.GetReflection()->ListFields(message, &fields);
    char before = '{';
    for (const FieldDescriptor* const field : fields) {
      if (field->is_map() || field->is_extension()) ok_ = false;
      absl::StrAppend(json_, absl::string_view(&before, 1), "\"", field->json_name(), "\":");
      before = ',';
      if (field->is_repeated()) {
        WriteList(message, *field);
      } else {
        WriteValue(message, *field);
      }
    }
    if (before == '{') json_->push_back('{');
    json_->push_back('}');
  }

 private:
  void WriteList(const Message& message, const FieldDescriptor& field) {
    json_->push_back('[');
    const int size = message.GetReflection()->FieldSize(message, &field);
    for (int i = 0; i < size; ++i) {
      if (i > 0) json_->push_back(',');
      WriteElement(message, field, i);
    }
    json_->push_back(']');
  }

  void WriteValue(const Message& message, const FieldDescriptor& field) {
    const Reflection& reflection = *message.GetReflection();
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        return AppendNumber(reflection.GetInt32(message, &field), json_);
      case FieldDescriptor::CPPTYPE_UINT32:
        return AppendNumber(reflection.GetUInt32(message, &field), json_);
      case FieldDescriptor::CPPTYPE_INT64:
        return AppendLong(reflection.GetInt64(message, &field), json_);
      case FieldDescriptor::CPPTYPE_UINT64:
        return AppendLong(reflection.GetUInt64(message, &field), json_);
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return AppendReal(reflection.GetDouble(message, &field), json_);
      case FieldDescriptor::CPPTYPE_FLOAT:
        return AppendReal(reflection.GetFloat(message, &field), json_);
      case FieldDescriptor::CPPTYPE_BOOL:
        json_->append(reflection.GetBool(message, &field) ? "true" : "false");
        return;
      case FieldDescriptor::CPPTYPE_ENUM:
        return AppendEnum(field, reflection.GetEnumValue(message, &field), json_);
      case FieldDescriptor::CPPTYPE_STRING: {
        std::string scratch;
        return WriteString(field, reflection.GetStringReference(message, &field, &scratch));
      }
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return Write(reflection.GetMessage(message, &field));
    }
  }

  void WriteElement(const Message& message, const FieldDescriptor& field, int i) {
    const Reflection& reflection = *message.GetReflection();
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        return AppendNumber(reflection.GetRepeatedInt32(message, &field, i), json_);
      case FieldDescriptor::CPPTYPE_UINT32:
        return AppendNumber(reflection.GetRepeatedUInt32(message, &field, i), json_);
      case FieldDescriptor::CPPTYPE_INT64:
        return AppendLong(reflection.GetRepeatedInt64(message, &field, i), json_);
      case FieldDescriptor::CPPTYPE_UINT64:
        return AppendLong(reflection.GetRepeatedUInt64(message, &field, i), json_);
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return AppendReal(reflection.GetRepeatedDouble(message, &field, i), json_);
      case FieldDescriptor::CPPTYPE_FLOAT:
        return AppendReal(reflection.GetRepeatedFloat(message, &field, i), json_);
      case FieldDescriptor::CPPTYPE_BOOL:
        json_->append(reflection.GetRepeatedBool(message, &field, i) ? "true" : "false");
        return;
      case FieldDescriptor::CPPTYPE_ENUM:
        return AppendEnum(field, reflection.GetRepeatedEnumValue(message, &field, i), json_);
      case FieldDescriptor::CPPTYPE_STRING: {
        std::string scratch;
        return WriteString(field,
                           reflection.GetRepeatedStringReference(message, &field, i, &scratch));
      }
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return Write(reflection.GetRepeatedMessage(message, &field, i));
    }
  }

  void WriteString(const FieldDescriptor& field, const std::string& value) {
    if (field.type() == FieldDescriptor::TYPE_BYTES) {
      absl::StrAppend(json_, "\"", absl::Base64Escape(value), "\"");
    } else {
      AppendText(value, json_);
    }
  }

  std::string* const json_;
  bool ok_ = true;
};

}  // namespace

bool AppendJson(const Message& message, std::string* json) {
  Writer writer(json);
  writer.Write(message);
  return writer.ok();
}

}  // namespace assay
