// The text of an answer without what does not change it.
#ifndef ASSAY_SERVER_GRADING_PLAIN_TEXT_H_
#define ASSAY_SERVER_GRADING_PLAIN_TEXT_H_

#include <string>

#include "absl/strings/string_view.h"

namespace assay::grading {

// Spaces that are not plain blanks. Between digits they separate thousands; elsewhere they mean
// what is said here.
inline constexpr char kThinSpace = '\x1e';     // of LaTeX, `\,`: nothing between symbols
inline constexpr char kNoBreakSpace = '\x1f';  // of Unicode: a blank

// The answer without LaTeX wrappers ($ $, \( \), \[ \], \boxed, \mathrm and the like, \left,
// \right), with \dfrac and \tfrac as \frac and the arguments of \frac, \sqrt, ^ and _ in braces,
// and with characters of Unicode that look like ASCII or a command of LaTeX as that: full-width
// letters, all dashes (U+2212 too), quotation marks, superscript digits, signs of multiplication,
// pi and the root. Case and blanks stay. O(size).
std::string PlainText(absl::string_view answer);

// What GRADER_EXACT compares: PlainText without case (ASCII), space (kept as one blank between
// letters or digits only) and separators of thousands (a comma, a comma in braces, a thin or
// no-break space: only in a whole number in groups of three, and not within brackets, where a comma
// separates). Empty where nothing is left. O(size).
std::string NormalForm(absl::string_view answer);

}  // namespace assay::grading

#endif  // ASSAY_SERVER_GRADING_PLAIN_TEXT_H_
