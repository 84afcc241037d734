#include "server/base/json_writer.h"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/wire_format_lite.h"
#include "server/base/json_forms.h"

namespace assay {
namespace {

using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::internal::WireFormatLite;

constexpr size_t kMaxNumberBytes = 32;
constexpr size_t kTextOfBinary = 2;  // times the bytes: where the text begins to grow
constexpr unsigned char kDelete = 0x7f;
constexpr unsigned char kSeparator = 0xe2;  // the first byte of what may be one

// Writes at the end of a string, in which it keeps room for more.
class Text {
 public:
  Text(size_t more, std::string* bytes) : bytes_(*bytes), size_(bytes->size()) { Room(more); }
  ~Text() { bytes_.resize(size_); }
  Text(const Text&) = delete;
  Text& operator=(const Text&) = delete;

  void Add(char c) {
    *Room(1) = c;
    ++size_;
  }
  void Add(absl::string_view text) {
    std::memcpy(Room(text.size()), text.data(), text.size());
    size_ += text.size();
  }
  template <class Number>
  void AddNumber(Number value) {
    char* const begin = Room(kMaxNumberBytes);
    size_ += static_cast<size_t>(std::to_chars(begin, begin + kMaxNumberBytes, value).ptr - begin);
  }

 private:
  char* Room(size_t more) {
    if (bytes_.size() - size_ < more) bytes_.resize(2 * (size_ + more));
    return bytes_.data() + size_;
  }

  std::string& bytes_;
  size_t size_;
};

// By byte: those that are never escaped.
constexpr auto kPlain = [] {
  std::array<bool, 256> plain{};
  for (size_t c = ' '; c < plain.size(); ++c) plain[c] = true;
  for (const unsigned char c : {'"', '\\', '<', '>'}) plain[c] = false;
  plain[kDelete] = plain[kSeparator] = false;
  return plain;
}();

// Line separators, which scripts take for the end of a line, and what could end an element of HTML.
bool IsEscaped(absl::string_view text, size_t i) {
  const auto c = static_cast<unsigned char>(text[i]);
  return !kPlain[c] && (c != kSeparator || absl::StartsWith(text.substr(i), "\xe2\x80\xa8") ||
                        absl::StartsWith(text.substr(i), "\xe2\x80\xa9"));
}

void AddText(absl::string_view text, Text* json) {
  json->Add('"');
  size_t plain = 0;  // where what is not written yet begins
  for (size_t i = 0; i < text.size(); ++i) {
    if (!IsEscaped(text, i)) continue;
    json->Add(text.substr(plain, i - plain));
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == '"' || c == '\\') {
      json->Add('\\');
      json->Add(text[i]);
    } else if (c == '\n') {
      json->Add("\\n");
    } else if (c == kSeparator) {
      json->Add(absl::StrCat("\\u202", absl::Hex(static_cast<unsigned char>(text[i + 2]) & 0x0f)));
      i += 2;
    } else {
      json->Add(absl::StrCat("\\u", absl::Hex(c, absl::kZeroPad4)));
    }
    plain = i + 1;
  }
  json->Add(text.substr(plain));
  json->Add('"');
}

// As text: scripts keep no more than 53 bits of a number.
template <class Number>
void AddLong(Number value, Text* json) {
  json->Add('"');
  json->AddNumber(value);
  json->Add('"');
}

void AddEnum(const FieldDescriptor& field, int number, Text* json) {
  const EnumValueDescriptor* const value = field.enum_type()->FindValueByNumber(number);
  if (value == nullptr) return json->AddNumber(number);
  json->Add('"');
  json->Add(value->name());
  json->Add('"');
}

// With 0, 3, 6 or 9 digits of a second. False: its parts contradict each other.
bool AddDuration(int64_t seconds, int32_t nanos, Text* json) {
  constexpr int64_t kMaxSeconds = 315'576'000'000;
  constexpr int32_t kNanos = 1'000'000'000;
  if (seconds > kMaxSeconds || seconds < -kMaxSeconds) return false;
  if (nanos >= kNanos || nanos <= -kNanos) return false;
  if ((seconds < 0 && nanos > 0) || (seconds > 0 && nanos < 0)) return false;
  json->Add(absl::StrCat(seconds < 0 || nanos < 0 ? "\"-" : "\"", std::abs(seconds)));
  const std::string digits = nanos == 0 ? "" : absl::StrFormat(".%09d", std::abs(nanos));
  absl::string_view fraction = digits;
  while (absl::ConsumeSuffix(&fraction, "000")) {
  }
  json->Add(absl::StrCat(fraction, "s\""));
  return true;
}

// What protobuf has written. The functions are false where it ends too early.
class Binary {
 public:
  explicit Binary(absl::string_view bytes) : bytes_(bytes) {}

  bool empty() const { return bytes_.empty(); }

  bool Take(uint64_t* value) {
    constexpr int kMaxShift = 63;
    *value = 0;
    for (int shift = 0; shift <= kMaxShift && !bytes_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(bytes_.front());
      bytes_.remove_prefix(1);
      *value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }

  // With its size before it.
  bool Take(absl::string_view* bytes) {
    uint64_t size = 0;
    return Take(&size) && Take(size, bytes);
  }
  template <class Real>
  bool TakeReal(Real* value) {
    static_assert(std::endian::native == std::endian::little);
    absl::string_view bytes;
    return Take(sizeof(*value), &bytes) && std::memcpy(value, bytes.data(), bytes.size());
  }

 private:
  bool Take(uint64_t size, absl::string_view* bytes) {
    if (size > bytes_.size()) return false;
    *bytes = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return true;
  }

  absl::string_view bytes_;
};

// Writes one message from its binary form, which tells at once what is set. Each function is false
// where the message must be left to protobuf's printer.
class Writer {
 public:
  explicit Writer(Text* json) : json_(json) {}

  bool WriteMessage(const TypeForm& form, Binary in) {
    if (form.duration) return WriteDuration(in);
    if (!form.plain) return false;
    json_->Add('{');
    const FieldForm* list = nullptr;  // whose elements are being written
    for (bool first = true; !in.empty(); first = false) {
      uint64_t tag = 0;
      if (!in.Take(&tag)) return false;
      const FieldForm* const field = form.Find(static_cast<int>(tag >> 3));
      if (field == nullptr || field->map || field->written_tag != tag) return false;
      if (field == list) {
        json_->Add(',');
      } else {
        if (list != nullptr) json_->Add(']');
        if (!first) json_->Add(',');
        json_->Add(field->key);
        list = field->repeated ? field : nullptr;
        if (list != nullptr) json_->Add('[');
      }
      if (!(field->packed ? WritePacked(*field, &in) : WriteValue(*field, &in))) return false;
    }
    if (list != nullptr) json_->Add(']');
    json_->Add('}');
    return true;
  }

 private:
  bool WritePacked(const FieldForm& field, Binary* in) {
    absl::string_view bytes;
    if (!in->Take(&bytes)) return false;
    Binary values(bytes);
    for (bool first = true; !values.empty(); first = false) {
      if (!first) json_->Add(',');
      if (!WriteValue(field, &values)) return false;
    }
    return true;
  }

  bool WriteValue(const FieldForm& form, Binary* in) {
    switch (form.kind) {
      case FieldDescriptor::TYPE_DOUBLE:
        return WriteReal<double>(in);
      case FieldDescriptor::TYPE_FLOAT:
        return WriteReal<float>(in);
      case FieldDescriptor::TYPE_STRING:
      case FieldDescriptor::TYPE_BYTES:
      case FieldDescriptor::TYPE_MESSAGE: {
        absl::string_view bytes;
        return in->Take(&bytes) && WriteBytes(form, bytes);
      }
      default: {
        uint64_t value = 0;
        return in->Take(&value) && WriteVarint(form, value);
      }
    }
  }

  template <class Real>
  bool WriteReal(Binary* in) {
    Real value = 0;
    if (!in->TakeReal(&value)) return false;
    if (value == 0) {
      json_->Add(std::signbit(value) ? "-0.0" : "0");
    } else if (std::isnan(value)) {
      json_->Add("\"NaN\"");
    } else if (std::isinf(value)) {
      json_->Add(value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
    } else {
      json_->AddNumber(value);
    }
    return true;
  }

  bool WriteBytes(const FieldForm& form, absl::string_view bytes) {
    if (form.kind == FieldDescriptor::TYPE_MESSAGE) return WriteMessage(*form.type, Binary(bytes));
    if (form.kind == FieldDescriptor::TYPE_STRING) {
      AddText(bytes, json_);
    } else {
      json_->Add(absl::StrCat("\"", absl::Base64Escape(bytes), "\""));
    }
    return true;
  }

  bool WriteVarint(const FieldForm& form, uint64_t value) {
    switch (form.kind) {
      case FieldDescriptor::TYPE_INT32:
        json_->AddNumber(static_cast<int32_t>(value));
        return true;
      case FieldDescriptor::TYPE_UINT32:
        json_->AddNumber(static_cast<uint32_t>(value));
        return true;
      case FieldDescriptor::TYPE_INT64:
        AddLong(static_cast<int64_t>(value), json_);
        return true;
      case FieldDescriptor::TYPE_UINT64:
        AddLong(value, json_);
        return true;
      case FieldDescriptor::TYPE_BOOL:
        json_->Add(value != 0 ? "true" : "false");
        return true;
      case FieldDescriptor::TYPE_ENUM:
        AddEnum(*form.field, static_cast<int>(value), json_);
        return true;
      default:
        return false;
    }
  }

  bool WriteDuration(Binary in) {
    int64_t seconds = 0;
    int32_t nanos = 0;
    while (!in.empty()) {
      uint64_t tag = 0;
      uint64_t value = 0;
      if (!in.Take(&tag) || !in.Take(&value)) return false;
      const int number = WireFormatLite::GetTagFieldNumber(static_cast<uint32_t>(tag));
      if (number == google::protobuf::Duration::kSecondsFieldNumber) {
        seconds = static_cast<int64_t>(value);
      } else if (number == google::protobuf::Duration::kNanosFieldNumber) {
        nanos = static_cast<int32_t>(value);
      } else {
        return false;
      }
    }
    return AddDuration(seconds, nanos, json_);
  }

  Text* const json_;
};

}  // namespace

bool AppendJson(const Message& message, std::string* json) {
  std::string binary;
  if (!message.SerializePartialToString(&binary)) return false;
  Text text(kTextOfBinary * binary.size(), json);
  return Writer(&text).WriteMessage(*FormOf(*message.GetDescriptor()), Binary(binary));
}

}  // namespace assay
