#include "server/evaluation/evaluators/answer_form.h"

#include "gtest/gtest.h"

namespace assay::evaluation {
namespace {

TEST(NormalForm, DropsWhatDoesNotChangeAnAnswer) {
  EXPECT_EQ(NormalForm("  Paris "), "paris");
  EXPECT_EQ(NormalForm("New \n York"), "new york");
  EXPECT_EQ(NormalForm("x + 1"), NormalForm("x+1"));
  EXPECT_EQ(NormalForm("$\\boxed{\\text{Ann}}$"), "ann");
  EXPECT_EQ(NormalForm("\\(\\dfrac{1}{2}\\)"), NormalForm("\\frac{1}{2}"));
  EXPECT_EQ(NormalForm("\\left( 3, 4 \\right)"), "(3,4)");
  EXPECT_EQ(NormalForm("1,234,567"), "1234567");
  EXPECT_EQ(NormalForm("1{,}234.5"), "1234.5");
  EXPECT_EQ(NormalForm("10\\,000"), "10000");
  EXPECT_EQ(NormalForm("\\$1,000"), "1000");
  EXPECT_EQ(NormalForm("12\\%"), "12%");
  EXPECT_EQ(NormalForm(" $ $ "), "");
}

TEST(NormalForm, KeepsWhatDoes) {
  EXPECT_NE(NormalForm("1 2"), NormalForm("12"));
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

TEST(ChoiceLetter, ReadsTheUsualForms) {
  for (const char* answer :
       {"C", "c", "(C)", "C.", "C) Ileum", "(c) ileum", "**C**", "$\\boxed{C}$", "Answer: C",
        "The answer is (C).", "I think it is (C)", "the correct choice is C: Ileum", "[C]"}) {
    EXPECT_EQ(ChoiceLetter(answer), 'C') << answer;
  }
}

TEST(ChoiceLetter, ClaimsNothingItCannotRead) {
  for (const char* answer : {"", "Ileum", "12", "(A) or (B)", "a table", "answer: unknown"}) {
    EXPECT_EQ(ChoiceLetter(answer), std::nullopt) << answer;
  }
}

TEST(NumberIn, ReadsTheUsualForms) {
  EXPECT_EQ(NumberIn("42"), 42);
  EXPECT_EQ(NumberIn(" -3.50 "), -3.5);
  EXPECT_EQ(NumberIn("+7"), 7);
  EXPECT_EQ(NumberIn("$1,234.00"), 1234);
  EXPECT_EQ(NumberIn("1e3"), 1000);
  EXPECT_EQ(NumberIn("1/4"), 0.25);
  EXPECT_EQ(NumberIn("-\\frac{1}{4}"), -0.25);
  EXPECT_EQ(NumberIn("\\boxed{18}"), 18);
  EXPECT_EQ(NumberIn("x = 18 dollars"), 18);
  EXPECT_EQ(NumberIn("about -2.5 degrees"), -2.5);
  EXPECT_EQ(NumberIn("50%"), 50);
  EXPECT_EQ(NumberIn("x -5"), -5);
  EXPECT_EQ(NumberIn("x=-5 m"), -5);
  EXPECT_EQ(NumberIn("-5 m"), -5);
  for (const char* hyphen : {"x-5", "ab-5", "x-5 m"}) EXPECT_EQ(NumberIn(hyphen), 5) << hyphen;
  EXPECT_EQ(NumberIn("no .5 m"), 0.5);
  EXPECT_EQ(NumberIn("5. m"), 5);
}

TEST(NumberIn, NeverGuessesAndIsAlwaysFinite) {
  for (const char* answer :
       {"", "none", "3 or 4", "1/0", "nan", "inf", "1e999", "0x10 and 3", "-", "e", "1/2/3"}) {
    EXPECT_EQ(NumberIn(answer), std::nullopt) << answer;
  }
}

}  // namespace
}  // namespace assay::evaluation
