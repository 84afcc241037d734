#include "server/evaluation/judge/judge_verdict.h"

#include <cmath>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/struct.pb.h"
#include "server/base/json.h"

namespace assay::evaluation {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

constexpr double kTopGrade = 9;
constexpr double kLeastMass = 0.2;

absl::Status NotACompletion() {
  return absl::InternalError("the judge's answer is not a chat completion");
}

absl::StatusOr<Struct> Parse(const std::string& json) {
  Struct parsed;
  if (!FromJson(json, &parsed).ok()) return NotACompletion();
  return parsed;
}

const Value* Field(const Struct& record, const std::string& name) {
  const auto found = record.fields().find(name);
  return found == record.fields().end() ? nullptr : &found->second;
}

const Struct* StructField(const Struct& record, const std::string& name) {
  const Value* value = Field(record, name);
  return value != nullptr && value->has_struct_value() ? &value->struct_value() : nullptr;
}

const Struct* FirstChoice(const Struct& completion) {
  const Value* choices = Field(completion, "choices");
  if (choices == nullptr || choices->list_value().values().empty()) return nullptr;
  const Value& first = choices->list_value().values(0);
  return first.has_struct_value() ? &first.struct_value() : nullptr;
}

absl::StatusOr<Struct> JsonContent(const std::string& text) {
  const absl::StatusOr<Struct> completion = Parse(text);
  if (!completion.ok()) return completion.status();
  const Struct* choice = FirstChoice(*completion);
  const Struct* message = choice == nullptr ? nullptr : StructField(*choice, "message");
  const Value* content = message == nullptr ? nullptr : Field(*message, "content");
  if (content == nullptr || !content->has_string_value()) return NotACompletion();
  Struct parsed;
  if (!FromJson(content->string_value(), &parsed).ok()) {
    return absl::InternalError("the judge's verdict is not the JSON that was asked for");
  }
  return parsed;
}

absl::StatusOr<double> Grade(const Value* value) {
  if (value == nullptr || !value->has_number_value() || !(value->number_value() >= 0) ||
      !(value->number_value() <= kTopGrade)) {
    return absl::InternalError("the judge's grade is not a number from 0 to 9");
  }
  return value->number_value() / kTopGrade;
}

std::optional<int> Digit(const Struct& alternative) {
  const Value* token = Field(alternative, "token");
  if (token == nullptr) return {};
  absl::string_view text = absl::StripAsciiWhitespace(token->string_value());
  // SentencePiece shows a leading blank as U+2581.
  if (text.size() == 4 && text.substr(0, 3) == "\xe2\x96\x81") text.remove_prefix(3);
  if (text.size() != 1 || !absl::ascii_isdigit(text[0])) return {};
  return text[0] - '0';
}

// The expected grade under one token's alternatives, and the probability that is a digit.
struct TokenVerdict {
  double mass = 0;
  double weighted = 0;
};

TokenVerdict Judge(const Struct& token) {
  TokenVerdict verdict;
  const Value* alternatives = Field(token, "top_logprobs");
  if (alternatives == nullptr) return verdict;
  for (const Value& alternative : alternatives->list_value().values()) {
    const std::optional<int> digit = Digit(alternative.struct_value());
    const Value* logprob = Field(alternative.struct_value(), "logprob");
    if (!digit.has_value() || logprob == nullptr || !logprob->has_number_value()) continue;
    const double p = std::exp(std::min(0.0, logprob->number_value()));
    if (!std::isfinite(p)) continue;
    verdict.mass += p;
    verdict.weighted += p * *digit;
  }
  return verdict;
}

}  // namespace

absl::StatusOr<double> ExpectedGrade(const std::string& text) {
  const absl::StatusOr<Struct> completion = Parse(text);
  if (!completion.ok()) return completion.status();
  const Struct* choice = FirstChoice(*completion);
  if (choice == nullptr) return NotACompletion();
  const Struct* logprobs = StructField(*choice, "logprobs");
  const Value* tokens = logprobs == nullptr ? nullptr : Field(*logprobs, "content");
  if (tokens == nullptr) return absl::NotFoundError("the judge offers no log-probabilities");
  for (const Value& token : tokens->list_value().values()) {
    const TokenVerdict verdict = Judge(token.struct_value());
    if (verdict.mass >= kLeastMass) return verdict.weighted / verdict.mass / kTopGrade;
  }
  return absl::NotFoundError("no token of the judge's answer is a verdict");
}

absl::StatusOr<double> JsonGrade(const std::string& completion) {
  const absl::StatusOr<Struct> content = JsonContent(completion);
  if (!content.ok()) return content.status();
  return Grade(Field(*content, "grade"));
}

absl::StatusOr<std::vector<double>> JsonGrades(const std::string& completion, int count) {
  const absl::StatusOr<Struct> content = JsonContent(completion);
  if (!content.ok()) return content.status();
  const Value* list = Field(*content, "grades");
  if (list == nullptr) return absl::InternalError("the judge gave no grades");
  const int given = list->list_value().values_size();
  if (given != count) {
    return absl::InternalError(
        absl::StrCat("the judge gave ", given, " grades for ", count, " messages"));
  }
  std::vector<double> grades;
  for (const Value& value : list->list_value().values()) {
    const absl::StatusOr<double> grade = Grade(&value);
    if (!grade.ok()) return grade.status();
    grades.push_back(*grade);
  }
  return grades;
}

}  // namespace assay::evaluation
