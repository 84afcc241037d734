// An LLM as evaluator: any server with an OpenAI-compatible chat endpoint.
#ifndef ASSAY_SERVER_EVALUATION_JUDGE_JUDGE_H_
#define ASSAY_SERVER_EVALUATION_JUDGE_JUDGE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/evaluation/evaluator.h"
#include "server/evaluation/registry.h"
#include "server/evaluation/wrappers/call_policy.h"

namespace assay::evaluation {

struct JudgeOptions {
  std::string name;
  std::string url;  // up to and with /v1; http or https
  std::string model;
  // At most one of the two; both empty: no key. Read once, sent as bearer token, never logged.
  std::string api_key_file;
  std::string api_key_env;
  std::string ca_file;         // PEM; empty: the system's roots
  std::string prompts_folder;  // see LoadPrompts; empty: the built-in ones

  enum class Verdict : uint8_t {
    kAuto,      // log-probabilities; JSON from the first answer on that turns out to have none
    kLogprobs,  // NOT_FOUND where none are offered
    kJson,
  };
  Verdict verdict = Verdict::kAuto;
  // Scores of messages are asked by one request for each message, which shows what came before it,
  // and not by one request for all.
  bool step_by_step = false;
  double temperature = 0;  // above 0 the judge counts as noisy
  int top_logprobs = 20;
  int max_connections = 64;
  int64_t max_prompt_bytes = int64_t{1} << 20;  // longer: OUT_OF_RANGE
  // Each call holds one question, so that a failure does not cause others to be asked again.
  CallPolicy policy = [] {
    CallPolicy policy;
    policy.bounds.batch_size = 1;
    policy.bounds.max_calls = 64;
    return policy;
  }();
};

// Answers coalition, messages, prefix and message-score questions: a grade g in [0, 1] is the value
// low + range g, or the process score 2 g - 1 (context: 0). `timers` and the observers
// must outlive every call.
// INVALID_ARGUMENT: no url or model, a file that cannot be read, an environment variable not set.
absl::StatusOr<std::shared_ptr<Evaluator>> MakeJudge(const JudgeOptions& options, Timers* timers,
                                                     QuestionObservers observers);

// The judge as the registry keeps it.
NamedEvaluator NamedJudge(const JudgeOptions& options);

}  // namespace assay::evaluation

#endif  // ASSAY_SERVER_EVALUATION_JUDGE_JUDGE_H_
