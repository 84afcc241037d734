// From the configuration of an evaluator to the evaluator. Another kind of configured evaluator is
// another case of EvaluatorConfig and one more line here.
#ifndef ASSAY_SERVER_RUNTIME_EVALUATOR_FACTORY_H_
#define ASSAY_SERVER_RUNTIME_EVALUATOR_FACTORY_H_

#include "absl/status/statusor.h"
#include "server/evaluation/judge/judge.h"
#include "server/evaluation/registry.h"
#include "server/evaluation/remote/remote.h"

namespace assay::runtime {

class EvaluatorConfig;

// INVALID_ARGUMENT names the evaluator and the field that is missing or out of range.
absl::StatusOr<evaluation::NamedEvaluator> EvaluatorFromConfig(const EvaluatorConfig& from);

// The options of each kind. `from` must be of that kind.
absl::StatusOr<evaluation::RemoteOptions> RemoteFromConfig(const EvaluatorConfig& from);
absl::StatusOr<evaluation::JudgeOptions> JudgeFromConfig(const EvaluatorConfig& from);

}  // namespace assay::runtime

#endif  // ASSAY_SERVER_RUNTIME_EVALUATOR_FACTORY_H_
