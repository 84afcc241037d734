// The number, or the list of numbers, that a whole answer states.
#ifndef ASSAY_SERVER_GRADING_NUMBER_FORM_H_
#define ASSAY_SERVER_GRADING_NUMBER_FORM_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace assay::grading {

struct Number {
  std::string text;  // the same for the same number, however it is written and however large it is
  double value = 0;  // rounded; infinite where it is too large
};

struct NumberForm {
  // The brackets of a list: "()", "[]", "(]" or "[)"; "{}" of a set, whose numbers are ascending
  // and each there once; or "," where a comma stands between numbers without brackets. Empty where
  // there is one number.
  std::string brackets;
  std::vector<Number> numbers;  // one, or at least two of a list
};

// Reads the whole of a PlainText or nothing. It understands a sign, digits with separators of
// thousands, decimals, an exponent (1e3, 1 \times 10^3), a fraction (a/b, \frac{a}{b}), a mixed
// number (a b/c), percent (which is dropped: 50 % is 50), currency, "the answer is", "x =", and
// units after the number. It refuses what means another number than its digits do: powers, roots,
// factorials, vulgar fractions, comparisons, scale words (million), pi, variables, digits of other
// bases, approximations and two numbers. O(size).
std::optional<NumberForm> ReadNumber(absl::string_view plain);

}  // namespace assay::grading

#endif  // ASSAY_SERVER_GRADING_NUMBER_FORM_H_
