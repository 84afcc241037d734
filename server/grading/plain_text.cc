#include "server/grading/plain_text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace assay::grading {
namespace {

// Commands that say how their argument looks, not what it is. Those of words stand apart from the
// letters and digits beside them.
constexpr std::array<absl::string_view, 8> kSymbolWrappers = {
    "boxed", "fbox", "mathrm", "mathbf", "mathit", "mathsf", "mathbb", "ensuremath"};
constexpr std::array<absl::string_view, 6> kWordWrappers = {"text",   "textbf", "textit",
                                                            "textrm", "mbox",   "operatorname"};
constexpr std::array<absl::string_view, 9> kIgnored = {
    "left", "right", "displaystyle", "big", "textstyle", "quad", "Big", "qquad", "limits"};

template <size_t n>
bool IsOneOf(absl::string_view word, const std::array<absl::string_view, n>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool IsWordByte(char c) { return absl::ascii_isalnum(c) || static_cast<unsigned char>(c) >= 0x80; }

bool DigitAt(absl::string_view text, size_t i) {
  return i < text.size() && absl::ascii_isdigit(text[i]);
}

// The code point that begins at `i`, and how many bytes it has; those of broken UTF-8 one by one.
std::pair<uint32_t, size_t> CodePoint(absl::string_view text, size_t i) {
  const auto byte = [&](size_t k) -> uint32_t {
    return k < text.size() ? static_cast<unsigned char>(text[k]) : 0;
  };
  const uint32_t first = byte(i);
  const auto more = [&](size_t k) { return (byte(i + k) & 0xC0) == 0x80; };
  const auto bits = [&](size_t k) { return byte(i + k) & 0x3F; };
  if ((first & 0xE0) == 0xC0 && more(1)) return {(first & 0x1F) << 6 | bits(1), 2};
  if ((first & 0xF0) == 0xE0 && more(1) && more(2)) {
    return {(first & 0x0F) << 12 | bits(1) << 6 | bits(2), 3};
  }
  if ((first & 0xF8) == 0xF0 && more(1) && more(2) && more(3)) {
    return {(first & 0x07) << 18 | bits(1) << 12 | bits(2) << 6 | bits(3), 4};
  }
  return {first, 1};
}

// The digit or sign that a superscript shows; 0: it is none.
char Superscript(uint32_t point) {
  switch (point) {
    case 0xB9:
      return '1';
    case 0xB2:
      return '2';
    case 0xB3:
      return '3';
    case 0x207A:
      return '+';
    case 0x207B:
      return '-';
    default:
      return point == 0x2070 || (point >= 0x2074 && point <= 0x2079)
                 ? static_cast<char>('0' + (point - 0x2070))
                 : '\0';
  }
}

// What a character is in ASCII; empty: only itself.
absl::string_view Folded(uint32_t point) {
  if ((point >= 0x2010 && point <= 0x2015) || point == 0x2212 || point == 0xFE58 ||
      point == 0xFE63) {
    return "-";
  }
  if (point == 0xA0 || (point >= 0x2000 && point <= 0x200A) || point == 0x202F || point == 0x205F ||
      point == 0x3000) {
    return "\x1f";
  }
  switch (point) {
    case 0x2018:
    case 0x2019:
      return "'";
    case 0x201C:
    case 0x201D:
      return "\"";
    case 0xD7:
      return "\\times ";
    case 0xB7:
    case 0x22C5:
      return "\\cdot ";
    case 0xB0:
      return "^{\\circ}";
    case 0x3C0:
      return "\\pi ";
    case 0x221A:
      return "\\sqrt ";
    default:
      return {};
  }
}

std::string FoldUnicode(absl::string_view text) {
  std::string out;
  out.reserve(text.size());
  bool raised = false;
  for (size_t i = 0; i < text.size();) {
    const auto [point, size] = CodePoint(text, i);
    const char digit = point < 0x80 ? '\0' : Superscript(point);
    if (digit != '\0' && !raised) out += "^{";
    if (digit == '\0' && raised) out += '}';
    raised = digit != '\0';
    if (digit != '\0') {
      out += digit;
    } else if (point >= 0xFF01 && point <= 0xFF5E) {
      out += static_cast<char>(point - 0xFF01 + '!');
    } else if (const absl::string_view folded = point < 0x80 ? absl::string_view() : Folded(point);
               !folded.empty()) {
      out.append(folded.data(), folded.size());
    } else {
      out.append(text.data() + i, size);
    }
    i += size;
  }
  if (raised) out += '}';
  return out;
}

// Takes LaTeX wrappers off; every other byte stays.
class Unwrapper {
 public:
  explicit Unwrapper(absl::string_view text) : text_(text) {}

  std::string Run() {
    while (at_ < text_.size()) Step();
    return std::move(out_);
  }

 private:
  enum class Brace : uint8_t { kOwn, kSymbols, kWords };

  void Step() {
    const char c = text_[at_];
    if (c == '\\') return Command();
    ++at_;
    if (c == '$') return;
    if (c == '{') {
      braces_.push_back(Brace::kOwn);
    } else if (c == '}' && !braces_.empty()) {
      const Brace brace = braces_.back();
      braces_.pop_back();
      if (brace == Brace::kWords) out_ += ' ';
      if (brace != Brace::kOwn) return;
    }
    out_ += c;
  }

  void Command() {
    size_t end = at_ + 1;
    while (end < text_.size() && absl::ascii_isalpha(text_[end])) ++end;
    const absl::string_view name = text_.substr(at_ + 1, end - at_ - 1);
    if (name.empty()) return Escape();
    at_ = end;
    if (IsOneOf(name, kIgnored)) return;
    if (IsOneOf(name, kSymbolWrappers)) return OpenWrapper(Brace::kSymbols);
    if (IsOneOf(name, kWordWrappers)) return OpenWrapper(Brace::kWords);
    out_ += '\\';
    if (name == "dfrac" || name == "tfrac") {
      out_ += "frac";
    } else {
      out_.append(name.data(), name.size());
    }
  }

  void OpenWrapper(Brace brace) {
    size_t next = at_;
    while (next < text_.size() && absl::ascii_isspace(text_[next])) ++next;
    if (next < text_.size() && text_[next] == '{') {
      braces_.push_back(brace);
      at_ = next + 1;
    }
    if (brace == Brace::kWords) out_ += ' ';
  }

  // A backslash and one sign: math brackets go, spaces are told, an escaped sign stays without its
  // backslash.
  void Escape() {
    const char sign = at_ + 1 < text_.size() ? text_[at_ + 1] : '\\';
    at_ = std::min(text_.size(), at_ + 2);
    switch (sign) {
      case '!':
      case '(':
      case ')':
      case '[':
      case ']':
      case '$':
        return;
      case ',':
      case ';':
      case ':':
        out_ += kThinSpace;
        return;
      case '%':
      case '#':
      case '&':
      case '_':
      case ' ':
        out_ += sign;
        return;
      default:
        out_ += '\\';
        out_ += sign;
    }
  }

  const absl::string_view text_;
  size_t at_ = 0;
  std::string out_;
  std::vector<Brace> braces_;  // those that are open
};

// Puts the arguments that LaTeX lets stand bare into braces: \frac12, \sqrt2, x^2, x_1. A power
// takes all digits behind it, as those who write 10^10 mean it.
class Bracer {
 public:
  explicit Bracer(absl::string_view text) : text_(text) {}

  std::string Run() {
    while (at_ < text_.size()) {
      if (absl::StartsWith(Rest(), "\\frac") && !LetterAt(at_ + 5)) {
        Copy(5);
        Argument(false);
        Argument(false);
      } else if (absl::StartsWith(Rest(), "\\sqrt") && !LetterAt(at_ + 5)) {
        Copy(5);
        Argument(false);
      } else if (text_[at_] == '\\' && at_ + 1 < text_.size()) {
        Copy(2);
      } else {
        const bool raises = text_[at_] == '^' || text_[at_] == '_';
        Copy(1);
        if (raises) Argument(true);
      }
    }
    return std::move(out_);
  }

 private:
  absl::string_view Rest() const { return text_.substr(at_); }
  bool LetterAt(size_t i) const { return i < text_.size() && absl::ascii_isalpha(text_[i]); }

  void Copy(size_t count) {
    out_.append(text_.data() + at_, count);
    at_ += count;
  }

  void Argument(bool whole_number) {
    size_t next = at_;
    while (next < text_.size() && text_[next] == ' ') ++next;
    if (next >= text_.size()) return;
    if (text_[next] == '{') {
      at_ = next;
      return CopyGroup();
    }
    size_t end = next;
    if (whole_number) {
      if (text_[end] == '-' || text_[end] == '+') ++end;
      while (DigitAt(text_, end)) ++end;
      if (end > next && !DigitAt(text_, end - 1)) end = next;  // a sign alone
    }
    if (end == next && absl::ascii_isalnum(text_[next])) ++end;
    if (end == next && text_[next] == '\\') {
      ++end;
      while (LetterAt(end)) ++end;
      if (end == next + 1) end = next;  // no command
    }
    if (end == next) return;
    out_ += '{';
    out_.append(text_.data() + next, end - next);
    out_ += '}';
    at_ = end;
  }

  // Up to the brace that closes the group; what stands in it stays as it is.
  void CopyGroup() {
    size_t depth = 0;
    do {
      if (text_[at_] == '{') ++depth;
      if (text_[at_] == '}') --depth;
      Copy(1);
    } while (depth > 0 && at_ < text_.size());
  }

  const absl::string_view text_;
  size_t at_ = 0;
  std::string out_;
};

// How long the separator of thousands at `i` is; 0: there is none.
size_t SeparatorLength(absl::string_view text, size_t i) {
  const absl::string_view rest = text.substr(i);
  if (absl::StartsWith(rest, "{,}")) return 3;
  return !rest.empty() && (rest[0] == ',' || rest[0] == kThinSpace || rest[0] == kNoBreakSpace) ? 1
                                                                                                : 0;
}

// The end of the whole number in groups of three that begins at `i`; `i` where none does.
size_t GroupedNumberEnd(absl::string_view text, size_t i) {
  size_t end = i;
  while (DigitAt(text, end)) ++end;
  if (end == i || end - i > 3 || text[i] == '0') return i;
  const size_t length = SeparatorLength(text, end);
  const absl::string_view separator = text.substr(end, length);
  bool grouped = false;
  while (length > 0 && text.substr(end, length) == separator && DigitAt(text, end + length) &&
         DigitAt(text, end + length + 1) && DigitAt(text, end + length + 2)) {
    end += length + 3;
    grouped = true;
  }
  const bool more = DigitAt(text, end) || (SeparatorLength(text, end) > 0 &&
                                           DigitAt(text, end + SeparatorLength(text, end)));
  return grouped && !more ? end : i;
}

std::string WithoutThousands(absl::string_view text) {
  std::string out;
  out.reserve(text.size());
  int depth = 0;
  for (size_t i = 0; i < text.size();) {
    const bool begins =
        DigitAt(text, i) &&
        (i == 0 || (!absl::ascii_isdigit(text[i - 1]) && text[i - 1] != '.' && text[i - 1] != ','));
    const size_t end = begins && depth == 0 ? GroupedNumberEnd(text, i) : i;
    if (end > i) {
      std::copy_if(text.begin() + i, text.begin() + end, std::back_inserter(out),
                   absl::ascii_isdigit);
      i = end;
      continue;
    }
    const char c = text[i++];
    if (c == '(' || c == '[' || c == '{') ++depth;
    if (c == ')' || c == ']' || c == '}') depth = std::max(0, depth - 1);
    out += c;
  }
  return out;
}

std::string LowerWithoutSpace(absl::string_view text) {
  std::string out;
  out.reserve(text.size());
  bool blank = false;
  bool thin = false;
  for (const char c : text) {
    if (absl::ascii_isspace(c) || c == kNoBreakSpace) {
      blank = true;
      continue;
    }
    if (c == kThinSpace) {
      thin = true;
      continue;
    }
    const bool words = !out.empty() && IsWordByte(out.back()) && IsWordByte(c);
    const bool digits = words && absl::ascii_isdigit(out.back()) && absl::ascii_isdigit(c);
    if ((blank && words) || (thin && digits)) out += ' ';
    blank = thin = false;
    out += absl::ascii_tolower(c);
  }
  return out;
}

}  // namespace

std::string PlainText(absl::string_view answer) {
  return Bracer(Unwrapper(FoldUnicode(answer)).Run()).Run();
}

std::string NormalForm(absl::string_view answer) {
  return LowerWithoutSpace(WithoutThousands(PlainText(answer)));
}

}  // namespace assay::grading
