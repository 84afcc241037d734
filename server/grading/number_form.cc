#include "server/grading/number_form.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>
#include <utility>

#include "absl/numeric/int128.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "server/grading/plain_text.h"

namespace assay::grading {
namespace {

using re2::RE2;

// \x1e and \x1f are kThinSpace and kNoBreakSpace.
constexpr char kGroups[] =
    R"((?:[1-9]\d{0,2}(?:(?:,\d{3})+|(?:\{,\}\d{3})+|(?: \d{3})+|(?:\x1e\d{3})+|(?:\x1f\d{3})+)|\d+))";

const std::string& Decimal() {
  static const std::string* const kDecimal =
      new std::string(absl::StrCat("(?:", kGroups, R"((?:\.\d*)?|\.\d+))"));
  return *kDecimal;
}

// The words of a unit that stand behind a number are free, except for those that change the number,
// deny it or begin another statement.
constexpr std::array<absl::string_view, 127> kNoUnits = {
    "a",         "about",      "above",       "add",        "after",     "all",       "also",
    "although",  "and",        "apart",       "approx",     "are",       "around",    "as",
    "at",        "base",       "because",     "before",     "below",     "between",   "billion",
    "billions",  "bn",         "but",         "by",         "choose",    "crore",     "crores",
    "cubed",     "digits",     "divided",     "double",     "dozen",     "dozens",    "each",
    "eighth",    "eighths",    "else",        "equals",     "except",    "factorial", "false",
    "fifth",     "fifths",     "for",         "fourth",     "fourths",   "from",      "grand",
    "greater",   "gross",      "half",        "halves",     "hence",     "however",   "hundred",
    "hundreds",  "hundredth",  "hundredths",  "if",         "in",        "incorrect", "infinity",
    "is",        "lakh",       "lakhs",       "least",      "less",      "log",       "maybe",
    "mil",       "mille",      "milliard",    "milliarden", "milliards", "million",   "millionen",
    "millions",  "millones",   "minus",       "mio",        "mod",       "modulo",    "more",
    "most",      "mrd",        "nd",          "negative",   "no",        "not",       "of",
    "off",       "or",         "out",         "over",       "pi",        "plus",      "possibly",
    "power",     "probably",   "quadrillion", "quarter",    "quarters",  "rd",        "root",
    "score",     "since",      "so",          "sqrt",       "squared",   "st",        "tausend",
    "tenth",     "tenths",     "than",        "th",         "third",     "thirds",    "thousand",
    "thousands", "thousandth", "thousandths", "times",      "to",        "trillion",  "trillions",
    "wrong"};
// Words of one letter, and those that may touch the number.
constexpr std::array<absl::string_view, 10> kLetterUnits = {"m", "N", "g", "s", "h",
                                                            "l", "L", "V", "W", "J"};
constexpr std::array<absl::string_view, 36> kTouchingUnits = {
    "cm",  "mm",   "km",  "nm",   "kg",  "mg",  "ml", "mL",  "cl",  "dl",  "hr",  "hrs",
    "min", "mins", "sec", "secs", "ms",  "ft",  "lb", "lbs", "oz",  "mph", "kph", "kmh",
    "usd", "USD",  "eur", "EUR",  "gbp", "GBP", "kW", "kWh", "MHz", "GHz", "Hz",  "degrees"};
constexpr std::array<absl::string_view, 5> kCurrencies = {"€", "£", "¥", "₹", "¢"};
constexpr int kMaxUnitWords = 4;
constexpr size_t kMaxBytes = 1024;
constexpr size_t kMaxItems = 64;
constexpr int kMaxFractionDigits = 18;

template <size_t n>
bool IsOneOf(absl::string_view word, const std::array<absl::string_view, n>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool IsBlank(char c) { return absl::ascii_isspace(c) || c == kThinSpace || c == kNoBreakSpace; }

absl::string_view Trimmed(absl::string_view text) {
  while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsBlank(text.back())) text.remove_suffix(1);
  return text;
}

// Without marks that stand on both sides ("**18**", "`18`") and without the full stop of a
// sentence.
absl::string_view Unmarked(absl::string_view text) {
  for (bool more = true; more;) {
    more = false;
    text = Trimmed(text);
    if (absl::EndsWith(text, ".") && !absl::EndsWith(text, "..")) {
      text.remove_suffix(1);
      more = true;
    } else if (text.size() >= 2 && text.front() == text.back() &&
               absl::StrContains("*`\"'", text.front())) {
      text = text.substr(1, text.size() - 2);
      more = true;
    }
  }
  return text;
}

// A decimal number as digits times a power of ten.
struct Scaled {
  std::string digits;  // without zeros at either end; empty: zero
  int exponent = 0;
};

Scaled Scale(absl::string_view decimal, int exponent) {
  Scaled scaled;
  bool point = false;
  for (const char c : decimal) {
    if (c == '.') point = true;
    if (!absl::ascii_isdigit(c)) continue;
    if (point) --exponent;
    if (c != '0' || !scaled.digits.empty()) scaled.digits += c;
  }
  while (!scaled.digits.empty() && scaled.digits.back() == '0') {
    scaled.digits.pop_back();
    ++exponent;
  }
  scaled.exponent = scaled.digits.empty() ? 0 : exponent;
  return scaled;
}

absl::int128 PowerOfTen(int exponent) {
  absl::int128 power = 1;
  for (int i = 0; i < exponent; ++i) power *= 10;
  return power;
}

absl::int128 Digits(absl::string_view digits) {
  absl::int128 value = 0;
  for (const char c : digits) value = value * 10 + (c - '0');
  return value;
}

std::string Text(absl::int128 value) {
  std::string digits;
  do {
    digits += static_cast<char>('0' + static_cast<int>(value % 10));
    value /= 10;
  } while (value > 0);
  std::reverse(digits.begin(), digits.end());
  return digits;
}

Number Quotient(bool negative, absl::int128 above, absl::int128 below) {
  absl::int128 a = above;
  absl::int128 b = below;
  while (b != 0) a = std::exchange(b, a % b);
  above /= a;
  below /= a;
  negative = negative && above != 0;
  const double value = static_cast<double>(above) / static_cast<double>(below);
  return {absl::StrCat(negative ? "-" : "", Text(above), "/", Text(below)),
          negative ? -value : value};
}

// Decimal numbers of moderate length are quotients as well, so that 0.5 is 1/2.
Number DecimalNumber(bool negative, absl::string_view decimal, int exponent) {
  const Scaled scaled = Scale(decimal, exponent);
  const int digits = static_cast<int>(scaled.digits.size());
  if (digits <= 36 && scaled.exponent >= -36 && digits + std::max(0, scaled.exponent) <= 36) {
    return Quotient(negative, Digits(scaled.digits) * PowerOfTen(std::max(0, scaled.exponent)),
                    PowerOfTen(std::max(0, -scaled.exponent)));
  }
  Number number;
  number.text = absl::StrCat(negative ? "-" : "", scaled.digits, "e", scaled.exponent);
  (void)absl::SimpleAtod(number.text, &number.value);  // out of range: infinite, or 0
  return number;
}

// A number as a fraction's part: whole once multiplied by 10^places.
std::optional<absl::int128> Whole(absl::string_view decimal, int places) {
  const Scaled scaled = Scale(decimal, places);
  if (scaled.exponent < 0) return {};
  if (static_cast<int>(scaled.digits.size()) + scaled.exponent > kMaxFractionDigits) return {};
  return Digits(scaled.digits) * PowerOfTen(scaled.exponent);
}

std::optional<Number> Fraction(bool negative, absl::string_view whole, absl::string_view above,
                               absl::string_view below) {
  const int places = std::max(0, std::max(-Scale(above, 0).exponent, -Scale(below, 0).exponent));
  const auto a = Whole(above, places);
  const auto b = Whole(below, places);
  if (!a.has_value() || !b.has_value() || *b == 0) return {};
  if (whole.empty()) return Quotient(negative, *a, *b);
  const auto w = Whole(whole, 0);
  if (!w.has_value() || places > 0 || *a >= *b) return {};  // 1 234/5 is no mixed number
  return Quotient(negative, *w * *b + *a, *b);
}

bool IsMinus(absl::string_view sign) { return absl::StrContains(sign, '-'); }

// The number at the beginning of `text`, which is consumed.
std::optional<Number> ConsumeNumber(absl::string_view* text) {
  static const RE2 kMixed(absl::StrCat(
      R"(^([-+] ?)?(\d+)(?:[ \x1e\x1f]?\\frac\{(\d+)\}\{(\d+)\}|[ \x1e\x1f](\d+) ?/ ?(\d+)))"));
  static const RE2 kFraction(absl::StrCat(R"(^([-+] ?)?\\frac\{ ?([-+]?)()", Decimal(),
                                          R"() ?\}\{ ?([-+]?)()", Decimal(), R"() ?\})"));
  static const RE2 kQuotient(
      absl::StrCat("^([-+] ?)?(", Decimal(), ") ?/ ?([-+]?)(", Decimal(), ")"));
  static const RE2 kDecimal(absl::StrCat(
      "^([-+] ?)?(", Decimal(),
      R"()(?:[eE]([-+]?\d{1,3})|[ \x1e\x1f]*(?:\\times|\\cdot|\*|x)[ \x1e\x1f]*10\^\{([-+]?\d{1,3})\})?)"));
  re2::StringPiece rest(text->data(), text->size());
  std::string sign;
  std::string whole;
  std::string a;
  std::string b;
  std::string sign_a;
  std::string sign_b;
  const auto done = [&] { *text = absl::string_view(rest.data(), rest.size()); };
  std::string c;
  std::string d;
  if (RE2::Consume(&rest, kMixed, &sign, &whole, &a, &b, &c, &d)) {
    done();
    return Fraction(IsMinus(sign), whole, a.empty() ? c : a, a.empty() ? d : b);
  }
  if (RE2::Consume(&rest, kFraction, &sign, &sign_a, &a, &sign_b, &b)) {
    done();
    return Fraction(IsMinus(sign) != (IsMinus(sign_a) != IsMinus(sign_b)), "", a, b);
  }
  if (RE2::Consume(&rest, kQuotient, &sign, &a, &sign_b, &b)) {
    done();
    return Fraction(IsMinus(sign) != IsMinus(sign_b), "", a, b);
  }
  if (RE2::Consume(&rest, kDecimal, &sign, &a, &b, &c)) {
    done();
    int exponent = 0;
    absl::string_view power = b.empty() ? c : b;
    absl::ConsumePrefix(&power, "+");
    if (!power.empty() && !absl::SimpleAtoi(power, &exponent)) return {};
    return DecimalNumber(IsMinus(sign), a, exponent);
  }
  return {};
}

// Whether `rest`, what stands behind a number, is nothing or a unit of it.
bool IsUnit(absl::string_view rest) {
  static const RE2 kWord(R"(^([ \x1e\x1f]*)([A-Za-z]+)(?:[ ]*\^\{-?[1-9]\})?)");
  static const RE2 kSign(R"(^[ \x1e\x1f]*(?:\\?%|\^\{\\circ\}|\\circ|\\degree|\\pounds|\\euro))");
  static const RE2 kLink(R"(^[ \x1e\x1f]*(?:/|\\cdot)[ \x1e\x1f]*)");
  re2::StringPiece text(rest.data(), rest.size());
  int words = 0;
  bool touching = true;
  while (!text.empty()) {
    std::string blank;
    std::string word;
    if (RE2::Consume(&text, kSign)) {
      touching = false;
      continue;
    }
    bool currency = false;
    for (const absl::string_view sign : kCurrencies) {
      const absl::string_view left = Trimmed(absl::string_view(text.data(), text.size()));
      if (!absl::StartsWith(left, sign)) continue;
      text = re2::StringPiece(left.data() + sign.size(), left.size() - sign.size());
      currency = true;
    }
    if (currency) continue;
    if (words > 0 && RE2::Consume(&text, kLink)) {
      if (text.empty()) return false;
      touching = false;
      continue;
    }
    if (!RE2::Consume(&text, kWord, &blank, &word) || ++words > kMaxUnitWords) return false;
    if (blank.empty() && touching) {
      if (!IsOneOf(word, kTouchingUnits) && !IsOneOf(word, kLetterUnits)) return false;
    }
    if (word.size() == 1 && !IsOneOf(word, kLetterUnits)) return false;
    if (IsOneOf(absl::AsciiStrToLower(word), kNoUnits)) return false;
    touching = false;
  }
  return true;
}

// Takes off what says that an answer follows: "The answer is", "####", "x =".
absl::string_view WithoutLead(absl::string_view text) {
  static const RE2 kLead(
      R"((?i)^(?:[*_]{0,2}(?:(?:so|thus|therefore|hence),? )?(?:the |my |our )?(?:final |correct |numerical )?(?:answer|result|total|solution)[*_]{0,2}(?: ?[:=]| is:?)[*_]{0,2}|#{2,6}|(?:\\?[a-z]{1,10}(?:_\{[a-z0-9]{1,4}\})?[ \x1e\x1f]*)?=)[ \x1e\x1f]*)");
  re2::StringPiece rest(text.data(), text.size());
  while (RE2::Consume(&rest, kLead)) {
  }
  return {rest.data(), rest.size()};
}

// Takes the currency off that stands before a number, behind its sign or before it.
std::string WithoutCurrency(absl::string_view text) {
  static const RE2 kCurrency(
      R"(^([-+]?) ?(?:€|£|¥|₹|(?:USD|EUR|GBP|US|Rs\.?))[ \x1e\x1f]?([-+]?[.\d]))");
  std::string out(text);
  RE2::Replace(&out, kCurrency, "\\1\\2");
  return out;
}

std::optional<Number> ReadOne(absl::string_view text, bool units) {
  const std::string plain = WithoutCurrency(Trimmed(text));
  absl::string_view rest = plain;
  std::optional<Number> number = ConsumeNumber(&rest);
  if (!number.has_value() || !(units ? IsUnit(rest) : Trimmed(rest).empty())) return {};
  return number;
}

// "(", "[" or "{" of the bracket that `text` begins with, which is consumed; or its end.
char ConsumeBracket(absl::string_view* text, absl::string_view brackets, bool front) {
  for (const char bracket : brackets) {
    const std::string escaped = absl::StrCat("\\", std::string(1, bracket));
    if (front
            ? absl::ConsumePrefix(text, escaped) || absl::ConsumePrefix(text, escaped.substr(1))
            : absl::ConsumeSuffix(text, escaped) || absl::ConsumeSuffix(text, escaped.substr(1))) {
      return bracket;
    }
  }
  return '\0';
}

std::optional<NumberForm> ReadList(absl::string_view text) {
  NumberForm list;
  const char open = ConsumeBracket(&text, "([{", true);
  const char close = ConsumeBracket(&text, ")]}", false);
  if ((open == '\0') != (close == '\0') || (open == '{') != (close == '}')) return {};
  list.brackets.push_back(open == '\0' ? ',' : open);
  if (open != '\0') list.brackets.push_back(close);
  const std::vector<absl::string_view> items = absl::StrSplit(text, ',');
  if (items.size() < 2 || items.size() > kMaxItems) return {};
  for (const absl::string_view item : items) {
    std::optional<Number> number = ReadOne(item, false);
    if (!number.has_value()) return {};
    list.numbers.push_back(*std::move(number));
  }
  if (open == '{') {
    const auto order = [](const Number& a, const Number& b) {
      return a.value != b.value ? a.value < b.value : a.text < b.text;
    };
    std::sort(list.numbers.begin(), list.numbers.end(), order);
    const auto same = [](const Number& a, const Number& b) { return a.text == b.text; };
    list.numbers.erase(std::unique(list.numbers.begin(), list.numbers.end(), same),
                       list.numbers.end());
  }
  return list;
}

}  // namespace

std::optional<NumberForm> ReadNumber(absl::string_view plain) {
  if (plain.size() > kMaxBytes) return {};
  const absl::string_view text = Unmarked(WithoutLead(Unmarked(plain)));
  if (std::optional<Number> one = ReadOne(text, true); one.has_value()) {
    return NumberForm{.numbers = {*std::move(one)}};
  }
  return ReadList(text);
}

}  // namespace assay::grading
