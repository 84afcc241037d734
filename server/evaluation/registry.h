// The evaluators that the operator has named.
#ifndef ASSAY_SERVER_EVALUATION_REGISTRY_H_
#define ASSAY_SERVER_EVALUATION_REGISTRY_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/evaluation/evaluator.h"

namespace assay::evaluation {

// Filled at the start (MakeRemote, MakeJudge), read only from then on.
class EvaluatorRegistry {
 public:
  // INVALID_ARGUMENT: a name that is empty, longer than 64 bytes, not [a-z0-9_.-], or that of a
  // built-in evaluator (vote, given, caller, outcome). ALREADY_EXISTS: a name used twice.
  absl::Status Add(std::shared_ptr<Evaluator> evaluator);
  // Null where nobody has that name.
  std::shared_ptr<Evaluator> Find(absl::string_view name) const;
  // By name.
  std::vector<std::shared_ptr<Evaluator>> All() const;

 private:
  std::map<std::string, std::shared_ptr<Evaluator>> evaluators_;
};

}  // namespace assay::evaluation

#endif  // ASSAY_SERVER_EVALUATION_REGISTRY_H_
