#include "server/evaluation/judge/fence.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "server/base/sha256.h"
#include "server/base/utf8.h"

namespace assay::evaluation {
namespace {

constexpr absl::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD
// Longer than any token's name.
constexpr size_t kMaxWord = 64;

// Of a whole character.
uint32_t CodePoint(absl::string_view character) {
  constexpr std::array<unsigned char, 5> kFirstBits = {0, 0x7F, 0x1F, 0x0F, 0x07};
  uint32_t point = static_cast<unsigned char>(character[0]) & kFirstBits[character.size()];
  for (const char c : character.substr(1)) point = point << 6 | (static_cast<uint8_t>(c) & 0x3F);
  return point;
}

// Whatever some reader takes for the end of a line.
bool EndsLine(uint32_t point) {
  return (point >= '\n' && point <= '\r') || (point >= 0x1C && point <= 0x1E) || point == 0x85 ||
         point == 0x2028 || point == 0x2029;
}

struct Range {
  uint32_t first;
  uint32_t last;
};

bool IsControl(uint32_t point) {
  return (point < 0x20 && point != '\t') || (point >= 0x7F && point <= 0x9F);
}

// What has no width: it hides text from a person, or splits a token that a normalizer puts together
// again.
bool IsInvisible(uint32_t point) {
  constexpr Range kRanges[] = {
      {0xAD, 0xAD},       {0x34F, 0x34F},    {0x61C, 0x61C},   {0x115F, 0x1160}, {0x17B4, 0x17B5},
      {0x180B, 0x180F},   {0x200B, 0x200F},  {0x202A, 0x202E}, {0x2060, 0x206F}, {0x3164, 0x3164},
      {0xFE00, 0xFE0F},   {0xFEFF, 0xFEFF},  {0xFFA0, 0xFFA0}, {0xFFF0, 0xFFFB}, {0x1BCA0, 0x1BCA3},
      {0x1D173, 0x1D17A}, {0xE0000, 0xE0FFF}};
  return std::any_of(std::begin(kRanges), std::end(kRanges), [point](const Range& range) {
    return point >= range.first && point <= range.last;
  });
}

// The ASCII character that normalizers make of a wide or small form; 0: it is none that matters.
char Narrow(uint32_t point) {
  if (point == 0xFE64) return '<';
  if (point == 0xFE65) return '>';
  if (point < 0xFF01 || point > 0xFF5E) return 0;
  const char narrow = static_cast<char>(point - 0xFF01 + '!');
  const bool matters = absl::ascii_isalnum(narrow) ||
                       absl::string_view("<>|[]/_").find(narrow) != absl::string_view::npos;
  return matters ? narrow : '\0';
}

// Every character as it may stand: lines end with '\n' alone.
std::string Plain(absl::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  while (!text.empty()) {
    const size_t length = CharacterAt(text);
    const absl::string_view character = text.substr(0, std::max<size_t>(length, 1));
    text.remove_prefix(character.size());
    if (length == 0) {
      plain.append(kReplacement.data(), kReplacement.size());
      continue;
    }
    const uint32_t point = CodePoint(character);
    if (point == '\r' && !text.empty() && text[0] == '\n') continue;  // one end of a line
    if (EndsLine(point)) {
      plain += '\n';
    } else if (IsInvisible(point)) {
      continue;
    } else if (IsControl(point)) {
      plain.append(kReplacement.data(), kReplacement.size());
    } else if (const char narrow = Narrow(point); narrow != 0) {
      plain += narrow;
    } else {
      plain.append(character.data(), character.size());
    }
  }
  return plain;
}

bool IsNameByte(char c) { return absl::ascii_isalnum(c) || c == '_' || c == '-' || c == '.'; }

// Whether the bracket at `i` opens a name in brackets, as tokens of tokenizers look: <s>, </s>,
// <start_of_turn>, <0x0A>; [INST], [/INST], [gMASK], where two letters or more are capitals.
bool OpensToken(absl::string_view text, size_t i) {
  const char open = text[i];
  size_t end = i + 1;
  if (end < text.size() && text[end] == '/') ++end;
  const size_t begin = end;
  int capitals = 0;
  while (end < text.size() && end - begin < kMaxWord && IsNameByte(text[end])) {
    capitals += absl::ascii_isupper(text[end]) ? 1 : 0;
    ++end;
  }
  if (end == begin || end >= text.size()) return false;
  return open == '<' ? text[end] == '>' : text[end] == ']' && capitals >= 2;
}

std::string Neutral(absl::string_view text) {
  const std::string plain = Plain(text);
  std::string neutral;
  neutral.reserve(plain.size() + plain.size() / 64);
  for (size_t i = 0; i < plain.size(); ++i) {
    const char c = plain[i];
    const char next = i + 1 < plain.size() ? plain[i + 1] : '\0';
    neutral += c;
    const bool bar = (c == '<' && next == '|') || (c == '|' && next == '>');
    if (bar || ((c == '<' || c == '[') && OpensToken(plain, i))) neutral += ' ';
  }
  return neutral;
}

}  // namespace

std::string Marked(absl::string_view text) {
  return absl::StrCat("| ", absl::StrReplaceAll(Neutral(text), {{"\n", "\n| "}}));
}

std::string OneLine(absl::string_view text) {
  return absl::StrReplaceAll(Neutral(text), {{"\n", " "}});
}

// The hash of a text cannot stand in that text.
std::string Fence(absl::string_view data) {
  const std::string number = absl::BytesToHexString(Sha256(data).substr(0, 8));
  return absl::StrCat("<<<DATA ", number, "\n", data, "\nDATA>>> ", number);
}

}  // namespace assay::evaluation
