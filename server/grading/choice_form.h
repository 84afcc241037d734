// The letter, or the set of letters, that an answer to a multiple-choice question asserts.
#ifndef ASSAY_SERVER_GRADING_CHOICE_FORM_H_
#define ASSAY_SERVER_GRADING_CHOICE_FORM_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace assay::grading {

// Upper-case letters in ascending order, each once, of a PlainText: "C" of "C", "(c)", "C) Ileum",
// "Answer: C", "the answer is (C)", "B is correct", "C because A is wrong"; "AC" of "A, C" and "C
// and A". "Answer" is known in several languages. Nothing where letters are not asserted or could
// be a word: "a car", "A or B", "not (A)", "A. Wrong. The answer is B." O(size).
std::optional<std::string> ReadChoice(absl::string_view plain);

}  // namespace assay::grading

#endif  // ASSAY_SERVER_GRADING_CHOICE_FORM_H_
