#include "server/engine/parts.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "server/signals/unions.h"

namespace assay::engine {
namespace {

using evaluation::Answers;
using signals::Question;

}  // namespace

bool OneTarget(const std::vector<Question>& questions) {
  return std::all_of(questions.begin(), questions.end(), [&](const Question& question) {
    return question.target == questions.front().target;
  });
}

absl::string_view OutcomeName(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return "answered";
    case absl::StatusCode::kCancelled:
      return "cancelled";
    case absl::StatusCode::kDeadlineExceeded:
      return "timeout";
    default:
      return "failed";
  }
}

int64_t CountQuestions(const std::vector<Question>& questions, const signals::Episode& episode) {
  int64_t count = 0;
  for (const Question& question : questions) {
    count += signals::CountValues(question.kind, episode);
  }
  return count;
}

ByTarget<std::vector<Question>> Split(const std::vector<Question>& questions) {
  ByTarget<std::vector<Question>> parts;
  if (OneTarget(questions)) {
    parts[static_cast<int>(questions.front().target)] = questions;
    return parts;
  }
  for (const Question& question : questions) {
    parts[static_cast<int>(question.target)].push_back(question);
  }
  return parts;
}

Answers Join(const std::vector<Question>& questions, ByTarget<Answers> parts) {
  if (OneTarget(questions)) return std::move(parts[static_cast<int>(questions.front().target)]);
  ByTarget<size_t> next{};
  Answers answers;
  answers.reserve(questions.size());
  for (const Question& question : questions) {
    const int target = static_cast<int>(question.target);
    answers.push_back(std::move(parts[target][next[target]++]));
  }
  return answers;
}

}  // namespace assay::engine
