#include "server/base/json_reader.h"

#include <array>
#include <bit>
#include <bitset>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/charconv.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "server/base/json_forms.h"
#include "server/base/utf8.h"

namespace assay {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// Beyond it protobuf's parser is asked, which refuses what is too deep.
constexpr int kMaxDepth = 32;
// Likewise beyond so many fields of a type.
constexpr size_t kMaxPlaces = 64;
constexpr size_t kSizeBytes = 5;  // of 32 bits, seven a byte

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

bool IsPlain(char c) { return c != '"' && c != '\\' && static_cast<unsigned char>(c) >= ' '; }

// The length of the beginning of `text` that holds neither a quotation mark nor a backslash nor a
// control character, eight bytes at a time.
size_t PlainBytes(absl::string_view text) {
  static_assert(std::endian::native == std::endian::little);
  constexpr uint64_t kOnes = 0x0101010101010101;
  constexpr uint64_t kHighBits = kOnes * 0x80;
  size_t size = 0;
  for (uint64_t word = 0; size + sizeof(word) <= text.size(); size += sizeof(word)) {
    std::memcpy(&word, text.data() + size, sizeof(word));
    const uint64_t quote = word ^ (kOnes * '"');
    const uint64_t backslash = word ^ (kOnes * '\\');
    // Bytes below what is taken away from them get a high bit that they had not. Those after the
    // first of them may get one as well, as it borrows from them.
    const uint64_t found = ((quote - kOnes) & ~quote) | ((backslash - kOnes) & ~backslash) |
                           ((word - kOnes * ' ') & ~word);
    if ((found & kHighBits) != 0) return size + std::countr_zero(found & kHighBits) / 8;
  }
  while (size < text.size() && IsPlain(text[size])) ++size;
  return size;
}

// Reads values from the front of `rest_`, and writes the message in binary, which is parsed in the
// end: that takes less than to set each field by reflection. Each function is false where
// protobuf's parser is to be asked.
class Reader {
 public:
  explicit Reader(absl::string_view json) : rest_(json) { binary_.reserve(json.size()); }

  bool ReadAll(Message* message) {
    const std::shared_ptr<const TypeForm> form = FormOf(*message->GetDescriptor());
    return ReadMessage(*form, 0) && Peek() == '\0' && rest_.empty() &&
           message->ParsePartialFromString(binary_);
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

  bool ReadMessage(const TypeForm& form, int depth) {
    if (depth > kMaxDepth || !form.plain || form.places > kMaxPlaces || !Take('{')) return false;
    if (Take('}')) return true;
    std::bitset<kMaxPlaces> set;
    size_t next = 0;
    do {
      absl::string_view name;
      if (!ReadText(&name) || !Take(':')) return false;
      const FieldForm* const field = form.Find(name, &next);
      if (field == nullptr || field->map || set[field->place]) return false;
      set.set(field->place);
      if (!(field->repeated ? ReadList(*field, depth) : ReadValue(*field, depth))) return false;
    } while (Take(','));
    return Take('}');
  }

  bool ReadList(const FieldForm& field, int depth) {
    if (!Take('[')) return false;
    if (Take(']')) return true;
    do {
      if (!ReadValue(field, depth)) return false;
    } while (Take(','));
    return Take(']');
  }

  bool ReadValue(const FieldForm& field, int depth) {
    binary_ += field.tag;
    switch (field.kind) {
      case FieldDescriptor::TYPE_INT32: {
        int32_t value = 0;
        return ReadInteger(&value) && AddVarint(value);
      }
      case FieldDescriptor::TYPE_INT64: {
        int64_t value = 0;
        return ReadLong(&value) && AddVarint(value);
      }
      case FieldDescriptor::TYPE_DOUBLE: {
        double value = 0;
        return ReadDouble(&value) && AddDouble(value);
      }
      case FieldDescriptor::TYPE_BOOL: {
        bool value = false;
        return ReadBool(&value) && AddVarint(value ? 1 : 0);
      }
      case FieldDescriptor::TYPE_ENUM: {
        absl::string_view name;
        if (!ReadText(&name)) return false;
        const auto* const value = field.field->enum_type()->FindValueByName(std::string(name));
        return value != nullptr && AddVarint(value->number());
      }
      case FieldDescriptor::TYPE_STRING: {
        absl::string_view text;
        if (!ReadText(&text) || !AddVarint(static_cast<int64_t>(text.size()))) return false;
        binary_.append(text.data(), text.size());
        return true;
      }
      case FieldDescriptor::TYPE_MESSAGE:
        return ReadWithin(*field.type, depth + 1);
      default:
        return false;
    }
  }

  // Its size goes before it, which is known only afterwards: as a varint of the most bytes.
  bool ReadWithin(const TypeForm& form, int depth) {
    const size_t begin = binary_.size() + kSizeBytes;
    binary_.append(kSizeBytes, '\0');
    if (!ReadMessage(form, depth)) return false;
    size_t size = binary_.size() - begin;
    for (size_t i = begin - kSizeBytes; i < begin; ++i, size >>= 7) {
      binary_[i] = static_cast<char>((size & 0x7f) | (i + 1 < begin ? 0x80 : 0));
    }
    return size == 0;
  }

  bool AddVarint(int64_t value) {
    AppendVarint(static_cast<uint64_t>(value), &binary_);
    return true;
  }

  bool AddDouble(double value) {
    static_assert(std::endian::native == std::endian::little);
    std::array<char, sizeof(value)> bytes;
    std::memcpy(bytes.data(), &value, bytes.size());
    binary_.append(bytes.data(), bytes.size());
    return true;
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

  // `text` is valid until the next text is read.
  bool ReadText(absl::string_view* text) {
    if (!Take('"')) return false;
    const size_t plain = PlainBytes(rest_);
    if (plain == rest_.size()) return false;
    *text = rest_.substr(0, plain);
    rest_.remove_prefix(plain);
    if (rest_.front() != '"' && !ReadRest(text)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  // Of a text that is not plain after its beginning, up to the quotation mark.
  bool ReadRest(absl::string_view* text) {
    unescaped_.assign(text->data(), text->size());
    while (rest_.front() == '\\') {
      rest_.remove_prefix(1);
      if (!ReadEscape(&unescaped_)) return false;
      const size_t plain = PlainBytes(rest_);
      if (plain == rest_.size()) return false;
      unescaped_.append(rest_.data(), plain);
      rest_.remove_prefix(plain);
    }
    *text = unescaped_;
    return rest_.front() == '"';
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
  std::string binary_;
  std::string unescaped_;
};

}  // namespace

bool ReadPlainJson(absl::string_view json, Message* message) {
  return IsUtf8(json) && Reader(json).ReadAll(message);
}

}  // namespace assay
