// What a judge is asked, as text. The transcript is data: it stands between fences that no content
// can forge, each of its lines marked, so that nothing said in it reads as an instruction.
#ifndef ASSAY_SERVER_EVALUATION_JUDGE_JUDGE_PROMPT_H_
#define ASSAY_SERVER_EVALUATION_JUDGE_JUDGE_PROMPT_H_

#include <string>

#include "absl/status/statusor.h"
#include "server/evaluation/evaluator.h"

namespace assay::evaluation {

// Templates; {{task}}, {{reference}} and {{transcript}} become fenced data, {{present}} and
// {{absent}} lists of agents, {{count}} the number of messages to grade, {{message}} the index of
// the one to grade.
struct JudgePrompts {
  std::string system;     // the rules, the same for every question
  std::string coalition;  // coalition and messages questions: some of it was withheld
  std::string prefix;     // the first messages; what will come of it?
  std::string step;       // grade the last message shown
  std::string scores;     // grade every message of the agents
};

JudgePrompts DefaultPrompts();

// The defaults, with those replaced that `folder` has as system.txt, coalition.txt, prefix.txt,
// step.txt or scores.txt. INVALID_ARGUMENT: no such folder, or a template without {{transcript}}
// (system.txt needs none).
absl::StatusOr<JudgePrompts> LoadPrompts(const std::string& folder);

// The user's message for a question; for message scores, `step` is the index of the one message to
// grade, or -1 for all at once.
std::string RenderPrompt(const JudgePrompts& prompts, const signals::Episode& episode,
                         const signals::Question& question, int step);

}  // namespace assay::evaluation

#endif  // ASSAY_SERVER_EVALUATION_JUDGE_JUDGE_PROMPT_H_
