// The evaluators that the operator has named.
#ifndef ASSAY_SERVER_EVALUATION_REGISTRY_H_
#define ASSAY_SERVER_EVALUATION_REGISTRY_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/base/timers.h"
#include "server/evaluation/evaluator.h"
#include "server/evaluation/question_observer.h"

namespace assay::evaluation {

// An evaluator as it was configured, before the server makes it.
struct NamedEvaluator {
  std::string name;
  int64_t cache_bytes = 0;  // what its cache of answers may hold
  // Makes it. `timers` and the observers must outlive every question that it is asked.
  // INVALID_ARGUMENT names the evaluator and what is wrong with its configuration.
  std::function<absl::StatusOr<std::shared_ptr<Evaluator>>(Timers* timers,
                                                           QuestionObservers observers)>
      make;
};

// INVALID_ARGUMENT: a name that is empty, longer than 64 bytes, not [a-z0-9_.-], or that of a
// built-in evaluator (vote, given, caller, outcome).
absl::Status CheckEvaluatorName(absl::string_view name);

// All configured evaluators by name. Whatever must know every one of them (the server at its start,
// the labels of metrics, the bound of memory, --check-config) walks this and needs no list of its
// own.
class EvaluatorRegistry {
 public:
  // INVALID_ARGUMENT as CheckEvaluatorName says, or where `make` is empty. ALREADY_EXISTS: another
  // evaluator has the name.
  absl::Status Add(NamedEvaluator evaluator);
  const std::map<std::string, NamedEvaluator>& all() const { return evaluators_; }
  // What all caches may hold together.
  int64_t cache_bytes() const;

 private:
  std::map<std::string, NamedEvaluator> evaluators_;
};

}  // namespace assay::evaluation

#endif  // ASSAY_SERVER_EVALUATION_REGISTRY_H_
