// The forms in which answers are compared (proto/signals.md#vote-replay).
#ifndef ASSAY_SERVER_EVALUATION_EVALUATORS_ANSWER_FORM_H_
#define ASSAY_SERVER_EVALUATION_EVALUATORS_ANSWER_FORM_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace assay::evaluation {

// Without what does not change an answer: case (ASCII), space (kept as one blank between letters or
// digits only), LaTeX wrappers ($ $, \( \), \[ \], \boxed, \text, \mathrm and the like, \left,
// \right, thin spaces; \dfrac and \tfrac are \frac) and thousands separators (1,234 and 1{,}234
// are 1234, except within brackets, where a comma separates). Empty where nothing is left. O(size).
std::string NormalForm(absl::string_view answer);

// The letter of a multiple-choice answer, in upper case: "C", "(c)", "C) Ileum", "answer: C",
// "the answer is (C)". Nothing where no single letter can be read.
std::optional<char> ChoiceLetter(absl::string_view answer);

// The number that an answer states: decimal or scientific notation, a fraction a/b or \frac{a}{b},
// with currency or percent signs ignored; else the only number within the text. Always finite.
std::optional<double> NumberIn(absl::string_view answer);

}  // namespace assay::evaluation

#endif  // ASSAY_SERVER_EVALUATION_EVALUATORS_ANSWER_FORM_H_
