#include "server/base/json_reader.h"

#include <cstdint>
#include <limits>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/charconv.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "server/base/utf8.h"

namespace assay {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// Beyond it protobuf's parser is asked, which refuses what is too deep.
constexpr int kMaxDepth = 32;

bool IsSurrogate(uint32_t code) { return code >= 0xd800 && code < 0xe000; }

void AppendCharacter(uint32_t code, std::string* text) {
  const auto tail = [&](int shift) {
    text->push_back(static_cast<char>(0x80 | ((code >> shift) & 0x3f)));
  };
  if (code < 0x80) {
    text->push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    text->push_back(static_cast<char>(0xc0 | (code >> 6)));
    tail(0);
  } else if (code < 0x10000) {
    text->push_back(static_cast<char>(0xe0 | (code >> 12)));
    tail(6), tail(0);
  } else {
    text->push_back(static_cast<char>(0xf0 | (code >> 18)));
    tail(12), tail(6), tail(0);
  }
}

// Reads values from the front of `rest_`. Each function is false where protobuf's parser is to be
// asked.
class Reader {
 public:
  explicit Reader(absl::string_view json) : rest_(json) {}

  bool ReadAll(Message* message) {
    return ReadMessage(message, 0) && Peek() == '\0' && rest_.empty();
  }

 private:
  // The next character that is no white space; NUL: there is none.
  char Peek() {
    size_t blank = 0;
    while (blank < rest_.size() && (rest_[blank] == ' ' || rest_[blank] == '\n' ||
                                    rest_[blank] == '\t' || rest_[blank] == '\r')) {
      ++blank;
    }
    rest_.remove_prefix(blank);
    return rest_.empty() ? '\0' : rest_.front();
  }

  bool Take(char wanted) {
    if (Peek() != wanted) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool ReadMessage(Message* message, int depth) {
    if (depth > kMaxDepth || !Take('{')) return false;
    const Descriptor& type = *message->GetDescriptor();
    if (absl::StartsWith(type.full_name(), "google.protobuf.")) return false;
    if (Take('}')) return true;
    int next = 0;
    do {
      if (!ReadText(&name_) || !Take(':')) return false;
      const FieldDescriptor* const field = FieldOf(type, &next);
      if (field == nullptr || field->is_map() || IsSet(*message, *field)) return false;
      if (!(field->is_repeated() ? ReadList(message, *field, depth)
                                 : ReadValue(message, *field, depth))) {
        return false;
      }
    } while (Take(','));
    return Take('}');
  }

  // Most writers keep the order of the fields: the one that is looked for is `next` or soon after.
  const FieldDescriptor* FieldOf(const Descriptor& type, int* next) const {
    for (int i = *next; i < type.field_count(); ++i) {
      if (type.field(i)->json_name() != name_) continue;
      *next = i + 1;
      return type.field(i);
    }
    const FieldDescriptor* field = type.FindFieldByCamelcaseName(name_);
    if (field == nullptr) field = type.FindFieldByName(name_);
    return field != nullptr && (field->json_name() == name_ || field->name() == name_) ? field
                                                                                       : nullptr;
  }

  static bool IsSet(const Message& message, const FieldDescriptor& field) {
    const Reflection& reflection = *message.GetReflection();
    if (field.is_repeated()) return reflection.FieldSize(message, &field) > 0;
    if (field.containing_oneof() != nullptr) {
      return reflection.HasOneof(message, field.containing_oneof());
    }
    return reflection.HasField(message, &field);
  }

  bool ReadList(Message* message, const FieldDescriptor& field, int depth) {
    if (!Take('[')) return false;
    if (Take(']')) return true;
    do {
      if (!ReadElement(message, field, depth)) return false;
    } while (Take(','));
    return Take(']');
  }

  bool ReadValue(Message* message, const FieldDescriptor& field, int depth) {
    const Reflection& reflection = *message->GetReflection();
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32: {
        int32_t value = 0;
        return ReadInteger(&value) && (reflection.SetInt32(message, &field, value), true);
      }
      case FieldDescriptor::CPPTYPE_INT64: {
        int64_t value = 0;
        return ReadLong(&value) && (reflection.SetInt64(message, &field, value), true);
      }
      case FieldDescriptor::CPPTYPE_DOUBLE: {
        double value = 0;
        return ReadDouble(&value) && (reflection.SetDouble(message, &field, value), true);
      }
      case FieldDescriptor::CPPTYPE_BOOL: {
        bool value = false;
        return ReadBool(&value) && (reflection.SetBool(message, &field, value), true);
      }
      case FieldDescriptor::CPPTYPE_ENUM: {
        const EnumValueDescriptor* const value = ReadEnum(field);
        return value != nullptr && (reflection.SetEnum(message, &field, value), true);
      }
      case FieldDescriptor::CPPTYPE_STRING: {
        std::string value;
        return field.type() == FieldDescriptor::TYPE_STRING && ReadText(&value) &&
               (reflection.SetString(message, &field, std::move(value)), true);
      }
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return ReadMessage(reflection.MutableMessage(message, &field), depth + 1);
      default:
        return false;
    }
  }

  bool ReadElement(Message* message, const FieldDescriptor& field, int depth) {
    const Reflection& reflection = *message->GetReflection();
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32: {
        int32_t value = 0;
        return ReadInteger(&value) && (reflection.AddInt32(message, &field, value), true);
      }
      case FieldDescriptor::CPPTYPE_DOUBLE: {
        double value = 0;
        return ReadDouble(&value) && (reflection.AddDouble(message, &field, value), true);
      }
      case FieldDescriptor::CPPTYPE_ENUM: {
        const EnumValueDescriptor* const value = ReadEnum(field);
        return value != nullptr && (reflection.AddEnum(message, &field, value), true);
      }
      case FieldDescriptor::CPPTYPE_STRING: {
        std::string value;
        return field.type() == FieldDescriptor::TYPE_STRING && ReadText(&value) &&
               (reflection.AddString(message, &field, std::move(value)), true);
      }
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return ReadMessage(reflection.AddMessage(message, &field), depth + 1);
      default:
        return false;
    }
  }

  // The characters of a number, as the grammar of JSON has them; empty where there is none.
  absl::string_view TakeNumber() {
    Peek();
    size_t end = !rest_.empty() && rest_.front() == '-' ? 1 : 0;
    const auto digits = [&] {
      const size_t begin = end;
      while (end < rest_.size() && absl::ascii_isdigit(rest_[end])) ++end;
      return end - begin;
    };
    const size_t first = end;
    const size_t whole = digits();
    if (whole == 0 || (whole > 1 && rest_[first] == '0')) return {};
    if (end < rest_.size() && rest_[end] == '.') {
      ++end;
      if (digits() == 0) return {};
    }
    if (end < rest_.size() && (rest_[end] == 'e' || rest_[end] == 'E')) {
      ++end;
      if (end < rest_.size() && (rest_[end] == '-' || rest_[end] == '+')) ++end;
      if (digits() == 0) return {};
    }
    const absl::string_view number = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return number;
  }

  template <class Integer>
  bool ReadInteger(Integer* value) {
    const absl::string_view number = TakeNumber();
    return number.find_first_of(".eE") == absl::string_view::npos &&
           absl::SimpleAtoi(number, value);
  }

  // Whole numbers of 64 bits stand in quotation marks, or do not.
  bool ReadLong(int64_t* value) {
    if (Peek() != '"') return ReadInteger(value);
    rest_.remove_prefix(1);
    const bool digit = !rest_.empty() && (rest_[0] == '-' || absl::ascii_isdigit(rest_[0]));
    return digit && ReadInteger(value) && !rest_.empty() && rest_.front() == '"' && Take('"');
  }

  bool ReadDouble(double* value) {
    const absl::string_view number = TakeNumber();
    if (number.empty() || number == "-0") return false;  // protobuf's parser takes -0 for 0
    const auto read = absl::from_chars(number.data(), number.data() + number.size(), *value);
    return read.ec == std::errc() && read.ptr == number.data() + number.size();
  }

  bool ReadBool(bool* value) {
    Peek();
    *value = absl::StartsWith(rest_, "true");
    if (!*value && !absl::StartsWith(rest_, "false")) return false;
    rest_.remove_prefix(*value ? 4 : 5);
    return true;
  }

  const EnumValueDescriptor* ReadEnum(const FieldDescriptor& field) {
    std::string name;
    return ReadText(&name) ? field.enum_type()->FindValueByName(name) : nullptr;
  }

  bool ReadText(std::string* text) {
    if (!Take('"')) return false;
    text->clear();
    while (true) {
      size_t end = 0;
      while (end < rest_.size() && rest_[end] != '"' && rest_[end] != '\\' &&
             static_cast<unsigned char>(rest_[end]) >= ' ') {
        ++end;
      }
      if (end == rest_.size()) return false;
      text->append(rest_.data(), end);
      const char stop = rest_[end];
      rest_.remove_prefix(end + 1);
      if (stop == '"') return true;
      if (stop != '\\' || !ReadEscape(text)) return false;
    }
  }

  // What follows a backslash.
  bool ReadEscape(std::string* text) {
    if (rest_.empty()) return false;
    const char c = rest_.front();
    rest_.remove_prefix(1);
    if (c == 'u') return ReadCode(text);
    constexpr absl::string_view kNames = "\"\\/bfnrt";
    constexpr absl::string_view kMeanings = "\"\\/\b\f\n\r\t";
    const size_t place = kNames.find(c);
    if (place == absl::string_view::npos) return false;
    text->push_back(kMeanings[place]);
    return true;
  }

  bool ReadCode(std::string* text) {
    uint32_t code = 0;
    if (!ReadHex(&code)) return false;
    if (IsSurrogate(code)) {
      uint32_t low = 0;
      if (code >= 0xdc00 || !absl::StartsWith(rest_, "\\u")) return false;
      rest_.remove_prefix(2);
      if (!ReadHex(&low) || low < 0xdc00 || low >= 0xe000) return false;
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    AppendCharacter(code, text);
    return true;
  }

  bool ReadHex(uint32_t* code) {
    constexpr size_t kDigits = 4;
    if (rest_.size() < kDigits) return false;
    for (const char c : rest_.substr(0, kDigits)) {
      if (!absl::ascii_isxdigit(c)) return false;
      const int digit = absl::ascii_isdigit(c) ? c - '0' : absl::ascii_tolower(c) - 'a' + 10;
      *code = *code * 16 + static_cast<uint32_t>(digit);
    }
    rest_.remove_prefix(kDigits);
    return true;
  }

  absl::string_view rest_;
  std::string name_;
};

}  // namespace

bool ReadPlainJson(absl::string_view json, Message* message) {
  return IsUtf8(json) && Reader(json).ReadAll(message);
}

}  // namespace assay
