#include "tests/unit/golden.h"

#include <gtest/gtest.h>

#include <cmath>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/grading/choice_form.h"
#include "server/grading/grader.h"
#include "server/grading/plain_text.h"

namespace assay::grading {
namespace {

using assay::testing::Append;
using assay::testing::Dice;
using assay::testing::Golden;

// Of which answers are made.
constexpr const char* kParts[] = {"1",        "2",         "30",      "4.5",
                                  ".5",       "7.",        ",000",    "1,234",
                                  "{,}500",   "-",         "+",       "/",
                                  "%",        "\\%",       "e3",      "E-2",
                                  "x",        "=",         " ",       "\n",
                                  "A",        "b",         "(C)",     "[d]",
                                  "**",       ".",         ":",       ")",
                                  "Answer",   "choice",    "option",  " is ",
                                  "or ",      "and ",      "word",    "\\text{",
                                  "\\boxed{", "\\mathrm{", "{",       "}",
                                  "$",        "\\$",       "\\(",     "\\)",
                                  "\\[",      "\\]",       "\\left",  "\\right",
                                  "(",        "\\frac{",   "}{",      "\\dfrac{1}{2}",
                                  "\\tfrac",  "\\,",       "\\!",     "\\",
                                  "\\\\",     "\u00e9",    "\\sqrt{", "_",
                                  "^",        "&",         "the ",    ", "};

std::string DrawAnswer(Dice& dice) {
  std::string answer;
  for (int k = dice.Below(6); k >= 0; --k) answer += kParts[dice.Below(std::size(kParts))];
  return answer;
}

double Digest(absl::string_view text) {
  double sum = 0;
  for (const char c : text) sum = std::fmod(31 * sum + static_cast<unsigned char>(c), 1e6 + 3);
  return sum;
}

TEST(Golden, AnswerForms) {
  Golden golden("forms");
  for (int k = 0; k < 60; ++k) {
    Dice dice(6000 + k);
    std::vector<double> numbers;
    for (int a = 0; a < 40; ++a) {
      const std::string answer = DrawAnswer(dice);
      Append(numbers,
             {Digest(NormalForm(answer)), Digest(ReadChoice(PlainText(answer)).value_or("-")),
              Digest(Grader(GraderKind::kNumber, 0, "0").Of(answer).form)});
    }
    golden.Expect(absl::StrCat(k), numbers);
  }
}

}  // namespace
}  // namespace assay::grading
