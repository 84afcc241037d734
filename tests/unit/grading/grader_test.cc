#include "server/grading/grader.h"

#include <fstream>
#include <map>
#include <string>

#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "server/grading/choice_form.h"
#include "server/grading/plain_text.h"
#include "tests/paths.h"

namespace assay::grading {
namespace {

GraderKind KindOf(const std::string& name) {
  static const std::map<std::string, GraderKind> kKinds = {{"exact", GraderKind::kExact},
                                                           {"choice", GraderKind::kChoice},
                                                           {"number", GraderKind::kNumber},
                                                           {"identical", GraderKind::kIdentical}};
  return kKinds.at(name);
}

std::string NameOf(Grade grade) {
  static const std::map<Grade, std::string> kNames = {{Grade::kNone, "none"},
                                                      {Grade::kRight, "right"},
                                                      {Grade::kWrong, "wrong"},
                                                      {Grade::kUnreadable, "unreadable"}};
  return kNames.at(grade);
}

Grade GradeOf(GraderKind kind, const char* reference, const char* answer, double tolerance = 0) {
  return Grader(kind, tolerance, reference).Of(answer).grade;
}

// tests/data/answer_forms.jsonl, which the Python verifier must pass as well: every form in the
// class that a person puts it into, or unreadable where its line says that this reader is allowed
// to pass.
TEST(Grader, TableOfForms) {
  std::ifstream file(testing::SourceFolder() / "tests/data/answer_forms.jsonl");
  std::string line;
  int right = 0;
  int read = 0;
  int forms = 0;
  while (std::getline(file, line)) {
    google::protobuf::Struct form;
    ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(line, &form).ok()) << line;
    const auto get = [&form](const char* name) { return form.fields().at(name).string_value(); };
    const double tolerance =
        form.fields().contains("tolerance") ? form.fields().at("tolerance").number_value() : 0;
    const Grader grader(KindOf(get("grader")), tolerance, get("reference"));
    EXPECT_EQ(NameOf(grader.Of(get("text")).grade), get("server")) << line;
    if (get("class") != "right") {
      EXPECT_NE(get("server"), "right") << line;
    }
    right += get("class") == "right" ? 1 : 0;
    read += get("class") == "right" && get("server") == "right" ? 1 : 0;
    ++forms;
  }
  EXPECT_GE(forms, 300);
  EXPECT_GE(read, right * 8 / 10) << "of " << right;
}

TEST(NormalForm, DropsWhatDoesNotChangeAnAnswer) {
  EXPECT_EQ(NormalForm("  Paris "), "paris");
  EXPECT_EQ(NormalForm("New \n York"), "new york");
  EXPECT_EQ(NormalForm("x + 1"), NormalForm("x+1"));
  EXPECT_EQ(NormalForm("$\\boxed{\\text{Ann}}$"), "ann");
  EXPECT_EQ(NormalForm("\\(\\dfrac{1}{2}\\)"), NormalForm("\\frac{1}{2}"));
  EXPECT_EQ(NormalForm("\\frac12"), NormalForm("\\frac{1}{2}"));
  EXPECT_EQ(NormalForm("x^2"), NormalForm("x^{2}"));
  EXPECT_EQ(NormalForm("x\u00b2"), NormalForm("x^{2}"));
  EXPECT_EQ(NormalForm("\u22125"), NormalForm("-5"));
  EXPECT_EQ(NormalForm("\\left( 3, 4 \\right)"), "(3,4)");
  EXPECT_EQ(NormalForm("1,234,567"), "1234567");
  EXPECT_EQ(NormalForm("1{,}234.5"), "1234.5");
  EXPECT_EQ(NormalForm("10\\,000"), "10000");
  EXPECT_EQ(NormalForm("\\$1,000"), "1000");
  EXPECT_EQ(NormalForm("12\\%"), "12%");
  EXPECT_EQ(NormalForm("5\\text{cm}"), NormalForm("5 cm"));
  EXPECT_EQ(NormalForm(" $ $ "), "");
}

TEST(NormalForm, KeepsWhatDoes) {
  EXPECT_NE(NormalForm("1 2"), NormalForm("12"));
  EXPECT_NE(NormalForm("1, 234"), NormalForm("1234"));
  EXPECT_NE(NormalForm("1,234,56"), NormalForm("123456"));
  EXPECT_NE(NormalForm("1\\,2"), NormalForm("12"));
  EXPECT_NE(NormalForm("\xd1\x80 \xd0\xbe"), NormalForm("\xd1\x80\xd0\xbe"));  // two words
  EXPECT_NE(NormalForm("(1,234)"), NormalForm("1234"));
  EXPECT_EQ(NormalForm("1,2345"), "1,2345");
  EXPECT_EQ(NormalForm("1,23"), "1,23");
  EXPECT_NE(NormalForm("\\sqrt{25}"), NormalForm("5"));
  EXPECT_NE(NormalForm("\\frac{1}{2}"), NormalForm("12"));
  EXPECT_EQ(NormalForm("\\mathbf{j}-\\mathbf{k}"), "j-k");
  EXPECT_EQ(NormalForm("a\\"), "a\\\\");
  EXPECT_EQ(NormalForm("}{\\text"), "}{");
}

TEST(ReadChoice, IsASetInOrder) {
  EXPECT_EQ(ReadChoice("C, A and B"), "ABC");
  EXPECT_EQ(ReadChoice("(c)"), "C");
  EXPECT_EQ(ReadChoice("A or B"), std::nullopt);
}

TEST(Grader, TellsWrongNumbersApartExactly) {
  const Grader grader(GraderKind::kNumber, 0.5, "3");
  EXPECT_EQ(grader.Of("3.4").grade, Grade::kRight);
  EXPECT_EQ(grader.Of("4").form, grader.Of("8/2").form);
  EXPECT_NE(grader.Of("4").form, grader.Of("4.000001").form);
  EXPECT_NE(grader.Of("9007199254740993").form, grader.Of("9007199254740992").form);
  // What is read and what is not are never one class, however they are spelled.
  EXPECT_NE(grader.Of("5!").form, grader.Of("5").form);
}

TEST(Grader, ToleranceIsMeasuredUpToRounding) {
  EXPECT_EQ(GradeOf(GraderKind::kNumber, "0.3", "0.4", 0.1), Grade::kRight);
  EXPECT_EQ(GradeOf(GraderKind::kNumber, "0.5", "0.2", 0.3), Grade::kRight);
  EXPECT_EQ(GradeOf(GraderKind::kNumber, "0.3", "0.41", 0.1), Grade::kWrong);
  EXPECT_EQ(GradeOf(GraderKind::kNumber, "(1, 2)", "(1.05, 1.95)", 0.1), Grade::kRight);
  EXPECT_EQ(GradeOf(GraderKind::kNumber, "(1, 2)", "(1.05, 1.5)", 0.1), Grade::kWrong);
}

TEST(Grader, NothingIsReadOfLongTexts) {
  const std::string text = "1" + std::string(2000, '0');
  EXPECT_EQ(GradeOf(GraderKind::kNumber, "1", text.c_str()), Grade::kUnreadable);
  EXPECT_EQ(GradeOf(GraderKind::kNumber, text.c_str(), text.c_str()), Grade::kRight);
  const std::string nested = std::string(100000, '{') + "\\frac";
  EXPECT_EQ(GradeOf(GraderKind::kExact, "1", nested.c_str()), Grade::kWrong);
}

}  // namespace
}  // namespace assay::grading
