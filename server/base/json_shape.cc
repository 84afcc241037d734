#include "server/base/json_shape.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "server/base/utf8.h"

namespace assay {
namespace {

constexpr size_t kMaxKeyBytes = 64;

// The end of the string that begins at `i`, behind its quotation mark.
size_t StringEnd(absl::string_view json, size_t i) {
  const char quote = json[i++];
  size_t end = std::min(json.find(quote, i), json.size());
  for (size_t backslash;
       (backslash = json.substr(0, end).find('\\', i)) != absl::string_view::npos;) {
    i = backslash + 2;
    if (i > end) end = std::min(json.find(quote, i), json.size());
  }
  return end + 1;
}

}  // namespace

int64_t JsonMemory(absl::string_view json) {
  // Of an object, and of whatever follows another: a number, a text, a member of a map.
  constexpr int64_t kObjectBytes = kMaxJsonMemoryOfByte - 1;
  constexpr int64_t kItemBytes = 100;
  auto bytes = static_cast<int64_t>(json.size());
  for (size_t i = 0; i < json.size();) {
    const char c = json[i];
    if (c == '"' || c == '\'') {
      i = StringEnd(json, i);
      continue;
    }
    ++i;
    if (c == '{') bytes += kObjectBytes;
    if (c == ',' || c == '[') bytes += kItemBytes;
  }
  return bytes;
}

absl::Status CheckJsonShape(absl::string_view json, bool matrices) {
  std::array<char, kMaxJsonDepth> open;
  size_t depth = 0;
  absl::string_view last;  // string
  absl::string_view key;
  for (size_t i = 0; i < json.size();) {
    const char c = json[i];
    if (c == '"' || c == '\'') {
      const size_t end = StringEnd(json, i);
      last = json.substr(i + 1, end - i - 2);
      i = end;
      continue;
    }
    ++i;
    if (c == ':') key = last;
    if ((c == ']' || c == '}') && depth > 0) --depth;
    if (c != '[' && c != '{') continue;
    if (depth == open.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("is nested deeper than ", kMaxJsonDepth, " levels"));
    }
    if (c == '[' && depth > 0 && open[depth - 1] == '[' && !matrices) {
      return absl::InvalidArgumentError(absl::StrCat(
          CutText(key, kMaxKeyBytes), ": holds a list within a list, which no field takes"));
    }
    open[depth++] = c;
  }
  return absl::OkStatus();
}

}  // namespace assay
