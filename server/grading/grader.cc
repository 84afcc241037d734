#include "server/grading/grader.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/grading/choice_form.h"
#include "server/grading/plain_text.h"

namespace assay::grading {
namespace {

std::string FormOf(const NumberForm& number) {
  std::string form = number.brackets;
  for (const Number& item : number.numbers) absl::StrAppend(&form, " ", item.text);
  return form;
}

Grade CompareClasses(absl::string_view answer, absl::string_view reference) {
  if (answer == reference) return Grade::kRight;
  const bool read =
      !absl::StartsWith(answer, kUnreadableMark) && !absl::StartsWith(reference, kUnreadableMark);
  return read ? Grade::kWrong : Grade::kUnreadable;
}

// Numbers without brackets could be a list, alternatives, or one number with a decimal comma.
bool IsVague(const NumberForm& number) { return number.brackets == ","; }

}  // namespace

Grader::Grader(GraderKind kind, double tolerance, absl::string_view reference)
    : kind_(kind), tolerance_(tolerance), reference_(Read(reference)) {}

Grader::Reading Grader::Read(absl::string_view answer) const {
  Reading reading;
  if (kind_ == GraderKind::kIdentical) {
    reading.text = reading.form = std::string(answer);
    return reading;
  }
  reading.text = NormalForm(answer);
  if (kind_ == GraderKind::kExact) {
    reading.form = reading.text;
  } else if (kind_ == GraderKind::kChoice) {
    reading.form = ReadChoice(PlainText(answer)).value_or("");
  } else if (auto number = ReadNumber(PlainText(answer)); number.has_value()) {
    reading.number = *std::move(number);
    reading.form = FormOf(reading.number);
  }
  return reading;
}

GradedAnswer Grader::Of(absl::string_view answer) const {
  Reading reading = Read(answer);
  if (kind_ == GraderKind::kIdentical) {
    return {CompareClasses(reading.form, reference_.form), std::move(reading.form)};
  }
  if (reading.text.empty()) return {};
  const Grade grade = Compare(reading);
  // What was read and what was not never share a class.
  return {grade, absl::StrCat(reading.form.empty() ? "?" : "=",
                              reading.form.empty() ? reading.text : reading.form)};
}

Grade Grader::Compare(const Reading& answer) const {
  if (answer.text == reference_.text) return Grade::kRight;
  if (answer.form.empty() || reference_.form.empty()) return Grade::kUnreadable;
  if (answer.form == reference_.form) return Grade::kRight;
  if (kind_ != GraderKind::kNumber) return Grade::kWrong;
  if (answer.number.brackets != reference_.number.brackets) {
    return IsVague(answer.number) || IsVague(reference_.number) ? Grade::kUnreadable
                                                                : Grade::kWrong;
  }
  return WithinTolerance(answer.number) ? Grade::kRight : Grade::kWrong;
}

bool Grader::WithinTolerance(const NumberForm& answer) const {
  if (tolerance_ == 0) return false;
  return std::equal(answer.numbers.begin(), answer.numbers.end(), reference_.number.numbers.begin(),
                    reference_.number.numbers.end(), [this](const Number& a, const Number& b) {
                      if (a.text == b.text) return true;
                      // 0.4 is within 0.1 of 0.3, though their doubles are a little further apart.
                      const double rounding = 4 * std::numeric_limits<double>::epsilon() *
                                              std::max(std::abs(a.value), std::abs(b.value));
                      return std::abs(a.value - b.value) <= tolerance_ + rounding;
                    });
}

}  // namespace assay::grading
