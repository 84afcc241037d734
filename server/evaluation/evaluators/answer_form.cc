#include "server/evaluation/evaluators/answer_form.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"

namespace assay::evaluation {
namespace {

// Commands that say how their argument looks, not what it is.
constexpr std::array<absl::string_view, 14> kWrappers = {
    "boxed",  "fbox",   "text",   "textbf", "textit", "textrm",       "mathrm",
    "mathbf", "mathit", "mathsf", "mathbb", "mbox",   "operatorname", "ensuremath"};
constexpr std::array<absl::string_view, 9> kIgnored = {
    "left", "right", "displaystyle", "big", "textstyle", "quad", "Big", "qquad", "limits"};

template <size_t n>
bool IsOneOf(absl::string_view word, const std::array<absl::string_view, n>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool IsWordByte(char c) { return absl::ascii_isalnum(c) || static_cast<unsigned char>(c) >= 0x80; }

// Takes LaTeX wrappers off; every other byte stays.
class Unwrapper {
 public:
  explicit Unwrapper(absl::string_view text) : text_(text) {}

  std::string Run() {
    while (at_ < text_.size()) Step();
    return std::move(out_);
  }

 private:
  void Step() {
    const char c = text_[at_];
    if (c == '\\') {
      Command();
      return;
    }
    ++at_;
    if (c == '$') return;
    if (c == '{') {
      braces_.push_back(false);
    } else if (c == '}' && !braces_.empty()) {
      const bool wrapper = braces_.back();
      braces_.pop_back();
      if (wrapper) return;
    }
    out_ += c;
  }

  void Command() {
    size_t end = at_ + 1;
    while (end < text_.size() && absl::ascii_isalpha(text_[end])) ++end;
    const absl::string_view name = text_.substr(at_ + 1, end - at_ - 1);
    if (name.empty()) {
      Escape();
      return;
    }
    at_ = end;
    if (IsOneOf(name, kIgnored)) return;
    if (IsOneOf(name, kWrappers)) {
      OpenWrapper();
    } else if (name == "dfrac" || name == "tfrac") {
      out_ += "\\frac";
    } else {
      out_ += '\\';
      out_.append(name.data(), name.size());
    }
  }

  void OpenWrapper() {
    size_t next = at_;
    while (next < text_.size() && absl::ascii_isspace(text_[next])) ++next;
    if (next < text_.size() && text_[next] == '{') {
      braces_.push_back(true);
      at_ = next + 1;
    }
  }

  // A backslash and one sign: spaces and math brackets go, an escaped sign stays without its
  // backslash.
  void Escape() {
    const char sign = at_ + 1 < text_.size() ? text_[at_ + 1] : '\\';
    at_ = std::min(text_.size(), at_ + 2);
    switch (sign) {
      case ',':
      case '!':
      case ';':
      case ':':
      case '(':
      case ')':
      case '[':
      case ']':
      case '$':
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
  std::vector<bool> braces_;  // whether each open brace belongs to a wrapper
};

std::string LowerWithoutSpace(absl::string_view text) {
  std::string out;
  out.reserve(text.size());
  bool space = false;
  for (const char c : text) {
    if (absl::ascii_isspace(c)) {
      space = true;
      continue;
    }
    if (space && !out.empty() && IsWordByte(out.back()) && IsWordByte(c)) out += ' ';
    space = false;
    out += absl::ascii_tolower(c);
  }
  return out;
}

bool DigitAt(absl::string_view text, size_t i) {
  return i < text.size() && absl::ascii_isdigit(text[i]);
}

// The length of a thousands separator at `i` (0: none): a comma, or a comma in braces, after a
// digit and before exactly three.
size_t SeparatorAt(absl::string_view text, size_t i) {
  if (i == 0 || !DigitAt(text, i - 1)) return 0;
  const absl::string_view rest = text.substr(i);
  const size_t length = absl::StartsWith(rest, "{,}") ? 3 : absl::StartsWith(rest, ",") ? 1 : 0;
  if (length == 0) return 0;
  const size_t next = i + length;
  const bool three = DigitAt(text, next) && DigitAt(text, next + 1) && DigitAt(text, next + 2);
  return three && !DigitAt(text, next + 3) ? length : 0;
}

std::string WithoutThousands(absl::string_view text) {
  std::string out;
  out.reserve(text.size());
  int depth = 0;
  for (size_t i = 0; i < text.size();) {
    const size_t separator = depth == 0 ? SeparatorAt(text, i) : 0;
    if (separator > 0) {
      i += separator;
      continue;
    }
    const char c = text[i++];
    if (c == '(' || c == '[' || c == '{') ++depth;
    if (c == ')' || c == ']' || c == '}') depth = std::max(0, depth - 1);
    out += c;
  }
  return out;
}

std::optional<double> PlainNumber(absl::string_view text) {
  absl::ConsumePrefix(&text, "+");
  // SimpleAtod also reads "inf", "nan" and hexadecimal: answers are decimal.
  for (const char c : text) {
    if (!absl::ascii_isdigit(c) && c != '.' && c != '-' && c != '+' && c != 'e') return {};
  }
  double value = 0;
  if (!absl::SimpleAtod(text, &value) || !std::isfinite(value)) return {};
  return value;
}

std::optional<double> Quotient(absl::string_view numerator, absl::string_view denominator) {
  const std::optional<double> a = PlainNumber(numerator);
  const std::optional<double> b = PlainNumber(denominator);
  if (!a.has_value() || !b.has_value() || *b == 0 || !std::isfinite(*a / *b)) return {};
  return *a / *b;
}

std::optional<double> Fraction(absl::string_view text) {
  const bool negative = absl::ConsumePrefix(&text, "-");
  std::optional<double> value;
  if (absl::ConsumePrefix(&text, "\\frac{") && absl::ConsumeSuffix(&text, "}")) {
    const size_t middle = text.find("}{");
    if (middle == absl::string_view::npos) return {};
    value = Quotient(text.substr(0, middle), text.substr(middle + 2));
  } else if (const size_t slash = text.find('/'); slash != absl::string_view::npos) {
    value = Quotient(text.substr(0, slash), text.substr(slash + 1));
  }
  if (value.has_value() && negative) *value = -*value;
  return value;
}

// The only number within a text: "x=18 dollars".
std::optional<double> SingleNumber(absl::string_view text) {
  std::optional<double> found;
  for (size_t i = 0; i < text.size();) {
    const bool point = text[i] == '.' && DigitAt(text, i + 1);
    if (!absl::ascii_isdigit(text[i]) && !point) {
      ++i;
      continue;
    }
    size_t end = i;
    while (end < text.size() &&
           (absl::ascii_isdigit(text[end]) || (text[end] == '.' && DigitAt(text, end + 1)))) {
      ++end;
    }
    if (found.has_value()) return {};
    const bool minus = i > 0 && text[i - 1] == '-' && (i < 2 || !IsWordByte(text[i - 2]));
    found = PlainNumber(text.substr(minus ? i - 1 : i, end - i + (minus ? 1 : 0)));
    if (!found.has_value()) return {};
    i = end;
  }
  return found;
}

// A letter that stands alone at `i`.
bool LoneLetter(absl::string_view text, size_t i) {
  return absl::ascii_isalpha(text[i]) && (i == 0 || !IsWordByte(text[i - 1])) &&
         (i + 1 == text.size() || !IsWordByte(text[i + 1]));
}

bool InBrackets(absl::string_view text, size_t i) {
  return i > 0 && i + 1 < text.size() &&
         ((text[i - 1] == '(' && text[i + 1] == ')') || (text[i - 1] == '[' && text[i + 1] == ']'));
}

// "C) ...", "C: ...", "(C) ...", unless others stand beside it: "(A) or (B)".
std::optional<char> LeadingLetter(absl::string_view text) {
  const size_t at = text.size() > 2 && InBrackets(text, 1) ? 1 : 0;
  if (text.size() < at + 2 || !LoneLetter(text, at)) return {};
  if (!absl::StrContains(").:]", text[at + 1])) return {};
  const std::string rest =
      absl::AsciiStrToLower(absl::StripLeadingAsciiWhitespace(text.substr(at + 2)));
  for (const char* link : {"or ", "and ", ",", "/", "&"}) {
    if (absl::StartsWith(rest, link)) return {};
  }
  return absl::ascii_toupper(text[at]);
}

// The letter that follows the last of "answer", "choice", "option".
std::optional<char> LetterAfterCue(absl::string_view text) {
  const std::string lower = absl::AsciiStrToLower(text);
  size_t cue = std::string::npos;
  for (const char* word : {"answer", "choice", "option"}) {
    const size_t at = lower.rfind(word);
    if (at == std::string::npos) continue;
    const size_t end = at + 6;
    if (cue == std::string::npos || end > cue) cue = end;
  }
  if (cue == std::string::npos) return {};
  absl::string_view rest = absl::string_view(lower).substr(cue);
  for (bool more = true; more;) {
    more = false;
    rest = absl::StripLeadingAsciiWhitespace(rest);
    for (const char* filler : {":", "is ", "(", "[", "*", "=", "is:"}) {
      if (absl::ConsumePrefix(&rest, filler)) more = true;
    }
  }
  if (rest.empty() || !LoneLetter(rest, 0)) return {};
  return absl::ascii_toupper(rest[0]);
}

}  // namespace

std::string NormalForm(absl::string_view answer) {
  return WithoutThousands(LowerWithoutSpace(Unwrapper(answer).Run()));
}

std::optional<char> ChoiceLetter(absl::string_view answer) {
  const std::string plain = Unwrapper(answer).Run();
  absl::string_view text = absl::StripAsciiWhitespace(plain);
  while (!text.empty() && (text.back() == '.' || text.back() == '*')) text.remove_suffix(1);
  while (!text.empty() && text.front() == '*') text.remove_prefix(1);
  if (text.empty()) return {};
  if (text.size() == 1 && absl::ascii_isalpha(text[0])) return absl::ascii_toupper(text[0]);
  if (const std::optional<char> leading = LeadingLetter(text); leading.has_value()) return leading;
  if (const std::optional<char> cued = LetterAfterCue(text); cued.has_value()) return cued;
  std::optional<char> bracketed;
  for (size_t i = 0; i < text.size(); ++i) {
    if (!LoneLetter(text, i) || !InBrackets(text, i)) continue;
    const char letter = absl::ascii_toupper(text[i]);
    if (bracketed.has_value() && *bracketed != letter) return {};
    bracketed = letter;
  }
  return bracketed;
}

std::optional<double> NumberIn(absl::string_view answer) {
  const std::string form = NormalForm(answer);
  absl::string_view text = form;
  absl::ConsumeSuffix(&text, ".");
  absl::ConsumeSuffix(&text, "%");
  if (const std::optional<double> plain = PlainNumber(text); plain.has_value()) return plain;
  if (const std::optional<double> fraction = Fraction(text); fraction.has_value()) return fraction;
  return SingleNumber(WithoutThousands(Unwrapper(answer).Run()));
}

}  // namespace assay::evaluation
