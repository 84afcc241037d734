#include "server/base/columns.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace assay {
namespace {

bool ContinuesCharacter(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

}  // namespace

size_t Columns(absl::string_view text) {
  return text.size() -
         static_cast<size_t>(std::count_if(text.begin(), text.end(), ContinuesCharacter));
}

std::string Pad(absl::string_view text, size_t columns) {
  const size_t used = Columns(text);
  return absl::StrCat(text, std::string(columns > used ? columns - used : 0, ' '));
}

std::string Snippet(absl::string_view text, size_t columns) {
  std::string line;
  size_t used = 0;
  for (const char byte : text) {
    if (used == columns && !ContinuesCharacter(byte)) return absl::StrCat(line, "…");
    if (absl::ascii_iscntrl(byte) || byte == ' ') {
      if (line.empty() || line.back() == ' ') continue;
      line += ' ';
      ++used;
    } else {
      line += byte;
      if (!ContinuesCharacter(byte)) ++used;
    }
  }
  return line;
}

}  // namespace assay
