#include "server/grading/choice_form.h"

#include <re2/re2.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "server/grading/plain_text.h"

namespace assay::grading {
namespace {

using re2::RE2;

constexpr size_t kMaxBytes = 1024;

// A letter between marks: (C), [c], **C**, `C`.
constexpr char kMarked[] = R"([*_`"'(\[{]+([A-Za-z])[*_`"')\]}]+)";
// Marks at either end of an answer.
constexpr char kOpening[] = R"([*_>`" ]*)";
constexpr char kClosing[] = R"([.*_`"]*)";
// Letters in a row: "A, C", "(A) and (C)".
constexpr char kLetters[] =
    R"([*_`"'(\[{]*[A-Z][*_`"')\]}]*(?:(?: ?[,;&] ?(?:and )?| and )[*_`"'(\[{]*[A-Z][*_`"')\]}]*)+)";
// Words that lead to an answer, in the languages of the usual benchmarks.
constexpr char kLead[] =
    R"((?i:(?:i|i'm|we|think|believe|choose|pick|select|say|it|it's|is|so|thus|therefore|hence|the|my|our|correct|right|best|final|most|likely|answer|answers|choice|choices|option|options|letter|would|be|are|should|must|antwort|lautet|ist|die|richtige|réponse|la|est|bonne|respuesta|correcta|es|risposta|resposta|a resposta|correta|é|ответ|الإجابة)(?:[ :=,*_>-]+)|(?:正确|正確|正解|答案|答え|回答|选项|选|選|我|的|是|为|為|は|정답|답|은)(?:[ :=,*_>-]*)))";
// What may stand behind the asserted letter: its text, or why.
constexpr char kReason[] = R"((?i:because|since|as|not|rather than|instead of)\b(.*))";

std::string Blanked(absl::string_view plain) {
  std::string out;
  for (const char c : plain) {
    const bool blank = absl::ascii_isspace(c) || c == kThinSpace || c == kNoBreakSpace;
    if (!blank) {
      out += c;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

// Whether the text of a choice speaks of no other letter and judges nothing.
bool IsText(const std::string& text) {
  // A letter alone that is neither the word "a" nor "I", or that stands where no word would.
  static const RE2 kOther(
      R"((?:^|[^A-Za-z0-9\x80-\x{10ffff}])(?:[B-HJ-Zb-hj-z](?:$|[^A-Za-z0-9'\x80-\x{10ffff}])|[AaIi](?:$|[^A-Za-z0-9' \x80-\x{10ffff}])))");
  static const RE2 kJudges(
      R"((?i)\b(?:answer|choice|option|correct|incorrect|wrong|right|false|not|no|but|however|or|actually|wait|instead|unless|maybe|perhaps)\b|n't\b)");
  return !RE2::PartialMatch(text, kOther) && !RE2::PartialMatch(text, kJudges);
}

// Whether a reason asserts nothing else.
bool IsReason(const std::string& text) {
  static const RE2 kAsserts(
      R"((?i)\b(?:answer|correct|right|true|best|but|however|actually|wait|no|sure|either)\b)");
  return !RE2::PartialMatch(text, kAsserts);
}

// Whether `tail` can follow an asserted letter; one between marks may be followed by its text at
// once.
bool IsTail(const std::string& tail, bool marked) {
  static const RE2 kConfirms(
      R"((?i) (?:is|would be) (?:the )?(?:correct|right|best)(?: (?:answer|choice|option|one))?[.*]*)");
  static const RE2 kReasons(absl::StrCat(R"([,.;:)]? ?-? ?)", kReason));
  static const RE2 kText(R"((?:[.,;:)\]][*_ ]*| - )(.*))");
  std::string rest;
  if (tail.empty() || RE2::FullMatch(tail, kConfirms)) return true;
  if (RE2::FullMatch(tail, kReasons, &rest)) return IsReason(rest);
  if (marked && tail[0] == ' ') return IsText(tail);
  return RE2::FullMatch(tail, kText, &rest) && IsText(rest);
}

std::string Sorted(const std::string& text) {
  static const RE2 kLetter(R"(\b([A-Z])\b)");
  std::string letters;
  re2::StringPiece rest(text);
  std::string letter;
  while (RE2::FindAndConsume(&rest, kLetter, &letter)) letters += letter;
  std::sort(letters.begin(), letters.end());
  letters.erase(std::unique(letters.begin(), letters.end()), letters.end());
  return letters;
}

}  // namespace

std::optional<std::string> ReadChoice(absl::string_view plain) {
  static const RE2 kBare(R"([*_`"'(\[{ ]*([A-Za-z])[*_`"')\]}.: ]*)");
  static const RE2 kSet(absl::StrCat(kOpening, kLead, "*(", kLetters, ")", kClosing));
  static const RE2 kListed(R"(([A-Za-z])([).:\]].*))");  // the letter as the question writes it
  static const RE2 kAsserted(
      absl::StrCat(kOpening, kLead, "*(?:", kMarked, R"(|([A-Z])\b[*_`"]*)(.*))"));
  static const RE2 kLedToEnd(absl::StrCat(kOpening, kLead, "+([a-z])", kClosing));
  if (plain.size() > kMaxBytes) return {};
  const std::string text = Blanked(plain);
  std::string letter;
  std::string marked;
  std::string tail;
  if (RE2::FullMatch(text, kBare, &letter)) return absl::AsciiStrToUpper(letter);
  if (RE2::FullMatch(text, kSet, &letter)) return Sorted(letter);
  if (RE2::FullMatch(text, kListed, &letter, &tail)) {
    if (!IsTail(tail, false)) return {};
    return absl::AsciiStrToUpper(letter);
  }
  if (RE2::FullMatch(text, kAsserted, &marked, &letter, &tail)) {
    if (!IsTail(tail, !marked.empty())) return {};
    return absl::AsciiStrToUpper(marked.empty() ? letter : marked);
  }
  if (RE2::FullMatch(text, kLedToEnd, &letter)) return absl::AsciiStrToUpper(letter);
  return {};
}

}  // namespace assay::grading
