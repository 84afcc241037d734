// The letter, or the set of letters, that an answer to a multiple-choice question asserts.
#ifndef ASSAY_SERVER_GRADING_CHOICE_FORM_H_
#define ASSAY_SERVER_GRADING_CHOICE_FORM_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace assay::grading {

// The letters that a PlainText asserts, in upper case and ascending order, each once. It reads "C"
// from "C", "(c)", "C) Ileum", "Answer: C", "the answer is (C)", "B is correct" and "C because A is
// wrong", and "AC" from "A, C" and "C and A"; it knows the word "answer" in several languages.
// Unset where letters are not asserted or could be a word, as in "a car", "A or B", "not (A)" and
// "A. Wrong. The answer is B." O(size).
std::optional<std::string> ReadChoice(absl::string_view plain);

}  // namespace assay::grading

#endif  // ASSAY_SERVER_GRADING_CHOICE_FORM_H_
