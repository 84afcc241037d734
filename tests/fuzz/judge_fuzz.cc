// Replies of a judge's server: any bytes, and chat completions that are nearly right.
#include <cmath>
#include <string>

#include "google/protobuf/util/json_util.h"
#include "server/evaluation/judge/judge_verdict.h"
#include "tests/fuzz/cases.pb.h"
#include "tests/fuzz/mutator.h"

namespace assay::fuzz {
namespace {

std::string Json(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  std::string json;
  static_cast<void>(google::protobuf::util::MessageToJsonString(message, &json, options));
  return json;
}

std::string Reply(const JudgeCase& input) {
  if (!input.has_completion()) return input.raw();
  Completion completion = input.completion();
  for (Choice& choice : *completion.mutable_choices()) {
    if (!choice.has_message() || choice.message().has_content()) continue;
    choice.mutable_message()->set_content(Json(choice.message().verdict()));
    choice.mutable_message()->clear_verdict();
  }
  return Json(completion);
}

void CheckGrade(double grade) { Check(grade >= 0 && grade <= 1, "grade"); }

void Run(const JudgeCase& input) {
  const std::string reply = Reply(input);
  if (input.count() == 0) {
    if (const auto grade = evaluation::ExpectedGrade(reply); grade.ok()) CheckGrade(*grade);
    if (const auto grade = evaluation::JsonGrade(reply); grade.ok()) CheckGrade(*grade);
  }
  const int count = static_cast<int>(input.count() % 64);
  if (const auto grades = evaluation::JsonGrades(reply, count); grades.ok()) {
    Check(static_cast<int>(grades->size()) == count, "grades asked for");
    for (const double grade : *grades) CheckGrade(grade);
  }
}

}  // namespace
}  // namespace assay::fuzz

ASSAY_FUZZ_TARGET(assay::fuzz::JudgeCase, assay::fuzz::Run, nullptr)
