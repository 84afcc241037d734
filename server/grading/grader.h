// Whether an answer is right, for vote replay (proto/signals.md#objects). The graders are strict:
// an answer that they cannot read is called unreadable and never guessed at.
#ifndef ASSAY_SERVER_GRADING_GRADER_H_
#define ASSAY_SERVER_GRADING_GRADER_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "server/grading/number_form.h"

namespace assay::grading {

enum class GraderKind : uint8_t {
  kExact,      // equal NormalForm
  kChoice,     // equal ReadChoice
  kNumber,     // ReadNumber, right within a tolerance; wrong answers are told apart exactly
  kIdentical,  // byte for byte: the client has put answers into classes
};

// What the name of a class of kIdentical begins with where the client could not read its answers:
// U+FFFD, the character that stands for what is not known.
inline constexpr absl::string_view kUnreadableMark = "\xef\xbf\xbd";

enum class Grade : uint8_t {
  kNone,  // blank: no answer
  kRight,
  kWrong,
  kUnreadable,  // the answer or the reference could not be read; their texts differ
};

struct GradedAnswer {
  Grade grade = Grade::kNone;
  // Equal for two answers that are not right where they say the same. Empty where the grade is
  // kNone.
  std::string form;
};

// Immutable, so thread safe. Grading costs O(size of the answer); choices and numbers beyond 1 KiB
// are unreadable.
class Grader {
 public:
  // `tolerance` is for kNumber only: an answer is right where |answer - reference| <= tolerance, up
  // to rounding.
  Grader(GraderKind kind, double tolerance, absl::string_view reference);

  // An answer whose text is the reference's (NormalForm) is right even where neither can be read.
  GradedAnswer Of(absl::string_view answer) const;

 private:
  struct Reading {
    std::string text;   // NormalForm, or the bytes themselves
    std::string form;   // what was read; empty: nothing
    NumberForm number;  // kNumber
  };

  Reading Read(absl::string_view answer) const;
  Grade Compare(const Reading& answer) const;
  bool WithinTolerance(const NumberForm& answer) const;

  const GraderKind kind_;
  const double tolerance_;
  const Reading reference_;
};

}  // namespace assay::grading

#endif  // ASSAY_SERVER_GRADING_GRADER_H_
