#include "server/base/json_writer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/wire_format_lite.h"

namespace assay {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::internal::WireFormatLite;

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
bool AppendDuration(int64_t seconds, int32_t nanos, std::string* json) {
  constexpr int64_t kMaxSeconds = 315'576'000'000;
  constexpr int32_t kNanos = 1'000'000'000;
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

struct TypeForm;

// How a field is written. `type`: of the messages that it holds, null where it holds none.
struct FieldForm {
  const FieldDescriptor* field = nullptr;
  std::string key;  // `"name":`
  const TypeForm* type = nullptr;
};

// How the messages of a type are written.
struct TypeForm {
  bool plain = true;  // false: a type of google.protobuf
  bool duration = false;
  std::vector<FieldForm> fields;  // by number

  const FieldForm* Find(int number) const {
    const auto i = static_cast<size_t>(number);
    return i < fields.size() && fields[i].field != nullptr ? &fields[i] : nullptr;
  }
};

// The forms of types, each made when it is first asked for.
class Forms {
 public:
  const TypeForm* Of(const Descriptor& type) {
    std::unique_ptr<TypeForm>& place = forms_[&type];
    if (place != nullptr) return place.get();
    place = std::make_unique<TypeForm>();
    TypeForm* const form = place.get();
    form->plain = !absl::StartsWith(type.full_name(), "google.protobuf.");
    form->duration = &type == google::protobuf::Duration::descriptor();
    for (int i = 0; form->plain && i < type.field_count(); ++i) {
      const FieldDescriptor& field = *type.field(i);
      const auto number = static_cast<size_t>(field.number());
      if (number >= kMaxFields) continue;
      form->fields.resize(std::max(form->fields.size(), number + 1));
      form->fields[number] = {
          &field, absl::StrCat("\"", field.json_name(), "\":"),
          field.message_type() == nullptr ? nullptr : Of(*field.message_type())};
    }
    return form;
  }

 private:
  static constexpr size_t kMaxFields = 1000;  // a larger number is taken for an unknown field

  absl::flat_hash_map<const Descriptor*, std::unique_ptr<TypeForm>> forms_;
};

// Writes one message from its binary form, which tells at once what is set. Each function is false
// where the message must be left to protobuf's printer.
class Writer {
 public:
  Writer(absl::string_view binary, std::string* json)
      : in_(reinterpret_cast<const uint8_t*>(binary.data()), static_cast<int>(binary.size())),
        json_(json) {}

  bool WriteMessage(const TypeForm& form) {
    if (form.duration) return WriteDuration();
    if (!form.plain) return false;
    json_->push_back('{');
    const FieldForm* list = nullptr;  // whose elements are being written
    bool first = true;
    while (const uint32_t tag = in_.ReadTagNoLastTag()) {
      const FieldForm* const field = form.Find(WireFormatLite::GetTagFieldNumber(tag));
      if (field == nullptr || field->field->is_map()) return false;
      if (field != list) {
        if (list != nullptr) json_->push_back(']');
        if (!std::exchange(first, false)) json_->push_back(',');
        json_->append(field->key);
        list = field->field->is_repeated() ? field : nullptr;
        if (list != nullptr) json_->push_back('[');
      } else {
        json_->push_back(',');
      }
      if (!(field->field->is_packed() ? WritePacked(*field) : WriteValue(*field))) return false;
    }
    if (list != nullptr) json_->push_back(']');
    json_->push_back('}');
    return true;
  }

 private:
  // What is `read` within the bytes that follow, with their count before them.
  template <class Read>
  bool Within(Read read) {
    uint32_t size = 0;
    if (!in_.ReadVarint32(&size)) return false;
    const auto limit = in_.PushLimit(static_cast<int>(size));
    const bool written = read();
    in_.PopLimit(limit);
    return written;
  }

  bool WritePacked(const FieldForm& field) {
    return Within([&] {
      for (bool first = true; in_.BytesUntilLimit() > 0; first = false) {
        if (!first) json_->push_back(',');
        if (!WriteValue(field)) return false;
      }
      return true;
    });
  }

  bool WriteValue(const FieldForm& form) {
    switch (form.field->type()) {
      case FieldDescriptor::TYPE_INT32:
        return WriteVarint([&](uint64_t v) { AppendNumber(static_cast<int32_t>(v), json_); });
      case FieldDescriptor::TYPE_UINT32:
        return WriteVarint([&](uint64_t v) { AppendNumber(static_cast<uint32_t>(v), json_); });
      case FieldDescriptor::TYPE_INT64:
        return WriteVarint([&](uint64_t v) { AppendLong(static_cast<int64_t>(v), json_); });
      case FieldDescriptor::TYPE_UINT64:
        return WriteVarint([&](uint64_t v) { AppendLong(v, json_); });
      case FieldDescriptor::TYPE_BOOL:
        return WriteVarint([&](uint64_t v) { json_->append(v != 0 ? "true" : "false"); });
      case FieldDescriptor::TYPE_ENUM:
        return WriteVarint(
            [&](uint64_t v) { AppendEnum(*form.field, static_cast<int>(v), json_); });
      case FieldDescriptor::TYPE_DOUBLE: {
        uint64_t bits = 0;
        if (!in_.ReadLittleEndian64(&bits)) return false;
        AppendReal(WireFormatLite::DecodeDouble(bits), json_);
        return true;
      }
      case FieldDescriptor::TYPE_FLOAT: {
        uint32_t bits = 0;
        if (!in_.ReadLittleEndian32(&bits)) return false;
        AppendReal(WireFormatLite::DecodeFloat(bits), json_);
        return true;
      }
      case FieldDescriptor::TYPE_STRING:
        return WriteBytes([&](absl::string_view text) { AppendText(text, json_); });
      case FieldDescriptor::TYPE_BYTES:
        return WriteBytes([&](absl::string_view bytes) {
          absl::StrAppend(json_, "\"", absl::Base64Escape(bytes), "\"");
        });
      case FieldDescriptor::TYPE_MESSAGE:
        return Within([&] { return WriteMessage(*form.type); });
      default:
        return false;
    }
  }

  template <class Append>
  bool WriteVarint(Append append) {
    uint64_t value = 0;
    if (!in_.ReadVarint64(&value)) return false;
    append(value);
    return true;
  }

  template <class Append>
  bool WriteBytes(Append append) {
    uint32_t size = 0;
    const void* data = nullptr;
    int there = 0;
    if (!in_.ReadVarint32(&size)) return false;
    if (size > 0 && !in_.GetDirectBufferPointer(&data, &there)) return false;
    if (static_cast<int64_t>(there) < static_cast<int64_t>(size)) return false;
    append(absl::string_view(static_cast<const char*>(data), size));
    return in_.Skip(static_cast<int>(size));
  }

  bool WriteDuration() {
    int64_t seconds = 0;
    int32_t nanos = 0;
    while (const uint32_t tag = in_.ReadTagNoLastTag()) {
      uint64_t value = 0;
      if (!in_.ReadVarint64(&value)) return false;
      const int number = WireFormatLite::GetTagFieldNumber(tag);
      if (number == google::protobuf::Duration::kSecondsFieldNumber) {
        seconds = static_cast<int64_t>(value);
      } else if (number == google::protobuf::Duration::kNanosFieldNumber) {
        nanos = static_cast<int32_t>(value);
      } else {
        return false;
      }
    }
    return AppendDuration(seconds, nanos, json_);
  }

  google::protobuf::io::CodedInputStream in_;
  std::string* const json_;
};

}  // namespace

bool AppendJson(const Message& message, std::string* json) {
  // Types that were not compiled in can end, and another can have their address.
  thread_local Forms compiled;
  Forms others;
  const Descriptor& type = *message.GetDescriptor();
  const bool is_compiled =
      type.file()->pool() == google::protobuf::DescriptorPool::generated_pool();
  std::string binary;
  if (!message.SerializePartialToString(&binary)) return false;
  return Writer(binary, json).WriteMessage(*(is_compiled ? compiled : others).Of(type));
}

}  // namespace assay
