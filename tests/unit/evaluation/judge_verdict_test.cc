#include "server/evaluation/judge_verdict.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace assay::evaluation {
namespace {

using ::testing::ElementsAre;

// A chat completion whose message is `content`, already escaped.
std::string Saying(const std::string& content) {
  return R"({"choices": [{"message": {"content": ")" + content + R"("}}]})";
}

TEST(JsonGrades, AsManyAsAskedFor) {
  const auto grades = JsonGrades(Saying(R"({\"grades\": [0, 4.5, 9]})"), 3);
  ASSERT_TRUE(grades.ok()) << grades.status();
  EXPECT_THAT(*grades, ElementsAre(0, 0.5, 1));
  EXPECT_EQ(JsonGrades(Saying(R"({\"grades\": [0, 9]})"), 3).status().code(),
            absl::StatusCode::kInternal);
  EXPECT_EQ(JsonGrades(Saying(R"({\"grades\": [0, 10]})"), 2).status().code(),
            absl::StatusCode::kInternal);
}

// Read through a null pointer once (found by fuzzing).
TEST(JsonGrades, NoListWhereNoneIsAskedFor) {
  EXPECT_EQ(JsonGrades(Saying(R"({\"grade\": 3})"), 0).status().code(),
            absl::StatusCode::kInternal);
}

TEST(ExpectedGrade, IsTheMeanOverTheDigitsOfTheVerdict) {
  const auto grade = ExpectedGrade(R"({"choices": [{"logprobs": {"content": [
      {"token": "The", "top_logprobs": [{"token": "The", "logprob": -0.1}]},
      {"token": "9", "top_logprobs": [{"token": "9", "logprob": -0.6931471805599453},
                                      {"token": " 0", "logprob": -0.6931471805599453}]}]}}]})");
  ASSERT_TRUE(grade.ok()) << grade.status();
  EXPECT_DOUBLE_EQ(*grade, 0.5);
}

// Rounding on the server's side: nothing is likelier than certain.
TEST(ExpectedGrade, TakesAPositiveLogarithmForZero) {
  const auto grade = ExpectedGrade(R"({"choices": [{"logprobs": {"content": [
      {"token": "9", "top_logprobs": [{"token": "9", "logprob": 0.5},
                                      {"token": " 0", "logprob": 0}]}]}}]})");
  ASSERT_TRUE(grade.ok()) << grade.status();
  EXPECT_DOUBLE_EQ(*grade, 0.5);
}

}  // namespace
}  // namespace assay::evaluation
