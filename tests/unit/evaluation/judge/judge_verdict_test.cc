#include "server/evaluation/judge/judge_verdict.h"

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

// One token whose alternatives are `top`.
std::string Top(const std::string& top) {
  return R"({"choices": [{"logprobs": {"content": [{"token": "x", "top_logprobs": [)" + top +
         "]}]}}]}";
}

std::string Alternative(const std::string& token, const std::string& logprob) {
  return R"({"token": ")" + token + R"(", "logprob": )" + logprob + "}";
}

// A digit is one whether blanks of ASCII or of SentencePiece stand around it.
TEST(ExpectedGrade, KnowsADigitFromOtherTokens) {
  for (const char* token : {"3", " 3", "3 ", "\\n3", "\xe2\x96\x81\x33"}) {
    const auto grade = ExpectedGrade(Top(Alternative(token, "-0.5")));
    ASSERT_TRUE(grade.ok()) << token;
    EXPECT_DOUBLE_EQ(*grade, 3.0 / 9) << token;
  }
  for (const char* token : {"", " ", "x", "33", "3x", "x3", "\xe2\x96\x81", "\xe2\x96\x81x",
                            "\xe2\x96\x80\x33", "\xe2\x96\x81\x33\x33", "/", ":"}) {
    EXPECT_EQ(ExpectedGrade(Top(Alternative(token, "-0.5"))).status().code(),
              absl::StatusCode::kNotFound)
        << token;
    // Beside a digit it has no weight.
    EXPECT_DOUBLE_EQ(*ExpectedGrade(Top(Alternative(token, "-0.5") + "," + Alternative("6", "-1"))),
                     6.0 / 9)
        << token;
  }
}

TEST(ExpectedGrade, WeighsDigitsByTheirProbabilities) {
  // .25 and .125: (2 * .25 + 8 * .125) / .375 = 4.
  const std::string two = Alternative("2", "-1.3862943611198906");
  const std::string eight = Alternative("8", "-2.0794415416798357");
  EXPECT_NEAR(*ExpectedGrade(Top(two + "," + eight)), 4.0 / 9, 1e-12);
  EXPECT_EQ(ExpectedGrade(Top(eight)).status().code(), absl::StatusCode::kNotFound)
      << "a fifth must be digits";
  for (const char* no_number : {"null", R"("-0.1")", "[]"}) {
    EXPECT_DOUBLE_EQ(*ExpectedGrade(Top(Alternative("9", no_number) + "," + two)), 2.0 / 9);
  }
  EXPECT_DOUBLE_EQ(*ExpectedGrade(Top(R"({"token": "9"},)" + two)), 2.0 / 9);
  EXPECT_DOUBLE_EQ(*ExpectedGrade(Top(R"({"logprob": 0},)" + two)), 2.0 / 9);
}

TEST(ExpectedGrade, SaysWhatIsMissing) {
  for (const char* no_completion : {"", "[]", "{}", R"({"choices": []})", R"({"choices": [3]})",
                                    R"({"choices": 3})", R"({"choice": [{}]})"}) {
    EXPECT_EQ(ExpectedGrade(no_completion).status().code(), absl::StatusCode::kInternal)
        << no_completion;
  }
  for (const char* no_verdict :
       {R"({"choices": [{}]})", R"({"choices": [{"logprobs": null}]})",
        R"({"choices": [{"logprobs": {}}]})", R"({"choices": [{"logprobs": {"content": []}}]})",
        R"({"choices": [{"logprobs": {"content": [{"token": "3"}]}}]})"}) {
    EXPECT_EQ(ExpectedGrade(no_verdict).status().code(), absl::StatusCode::kNotFound) << no_verdict;
  }
}

TEST(JsonGrade, IsANumberFromZeroToNine) {
  const auto grade = [](const std::string& value) {
    return JsonGrade(Saying(R"({\"grade\": )" + value + "}"));
  };
  EXPECT_EQ(*grade("0"), 0);
  EXPECT_EQ(*grade("9"), 1);
  EXPECT_EQ(*grade("4.5"), 0.5);
  for (const char* bad : {"-0.001", "9.001", "null", R"(\"5\")", "[5]", "true"}) {
    EXPECT_EQ(grade(bad).status().code(), absl::StatusCode::kInternal) << bad;
  }
  EXPECT_EQ(JsonGrade(Saying(R"({\"grades\": [5]})")).status().code(), absl::StatusCode::kInternal);
  for (const char* no_content :
       {R"({"choices": [{}]})", R"({"choices": [{"message": {}}]})",
        R"({"choices": [{"message": "5"}]})", R"({"choices": [{"message": {"content": 5}}]})",
        R"({"choices": [{"message": {"content": "five"}}]})"}) {
    EXPECT_EQ(JsonGrade(no_content).status().code(), absl::StatusCode::kInternal) << no_content;
  }
}

}  // namespace
}  // namespace assay::evaluation
