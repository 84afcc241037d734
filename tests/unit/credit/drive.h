#ifndef ASSAY_TESTS_UNIT_CREDIT_DRIVE_H_
#define ASSAY_TESTS_UNIT_CREDIT_DRIVE_H_

#include <functional>
#include <vector>

#include "gtest/gtest.h"
#include "server/credit/credit_plan.h"

namespace assay::credit {

using Game = std::function<double(const PlayerSet&)>;

inline std::vector<Answer> AnswerAll(const std::vector<Question>& questions, const Game& game) {
  std::vector<Answer> answers;
  answers.reserve(questions.size());
  for (const Question& question : questions) {
    answers.push_back({.mean = game(question.players), .samples = question.samples});
  }
  return answers;
}

// Answers every stage; returns all questions in the order asked.
inline std::vector<PlayerSet> Drive(CreditPlan& plan, const Game& game) {
  std::vector<PlayerSet> asked;
  while (!plan.done()) {
    for (const Question& question : plan.ask()) asked.push_back(question.players);
    const absl::Status status = plan.tell(AnswerAll(plan.ask(), game));
    EXPECT_TRUE(status.ok()) << status;
    if (!status.ok()) break;
  }
  return asked;
}

}  // namespace assay::credit

#endif  // ASSAY_TESTS_UNIT_CREDIT_DRIVE_H_
