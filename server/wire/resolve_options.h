// From AttributionOptions as sent to options with every default resolved, and who will answer.
#ifndef ASSAY_SERVER_WIRE_RESOLVE_OPTIONS_H_
#define ASSAY_SERVER_WIRE_RESOLVE_OPTIONS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "assay/v1/options.pb.h"
#include "server/evaluation/evaluator.h"
#include "server/evaluation/evaluators/caller.h"
#include "server/signals/options.h"
#include "server/wire/limits.h"

namespace assay::service {

// What the operator configured and options may name. Immutable once the server runs.
struct Catalog {
  std::map<std::string, std::shared_ptr<evaluation::Evaluator>> evaluators;
  std::map<std::string, v1::FittedPrior> priors;  // valid: FittedPriorFromWire takes them
};

// Makes the stream's caller evaluator; null where there is no stream to ask over.
using MakeCallerFn = absl::FunctionRef<evaluation::CallerStack(const signals::EvaluatorTraits&,
                                                               const evaluation::CallerLimits&)>;

struct ResolvedOptions {
  v1::AttributionOptions wire;  // as StreamReady echoes it
  std::shared_ptr<const signals::Options> options;
  // The evaluator of all episodes. Null where each episode decides among the three below.
  std::shared_ptr<evaluation::Evaluator> chosen;
  std::shared_ptr<evaluation::Evaluator> vote, given, outcome;
  v1::VoteReplay vote_options;                          // the options of `vote`, as resolved
  std::shared_ptr<evaluation::Evaluator> scorer;        // null: none
  std::shared_ptr<evaluation::CallerEvaluator> caller;  // null: another evaluator
  absl::Duration episode_timeout;
  absl::Duration group_timeout;  // zero: none
  int64_t max_response_bytes = 0;
  std::string traceparent;  // what evaluators are told of the call's trace; empty: nothing
};

// INVALID_ARGUMENT, OUT_OF_RANGE or UNIMPLEMENTED with the field's path inside AttributionOptions.
absl::StatusOr<ResolvedOptions> ResolveOptions(const v1::AttributionOptions& sent,
                                               const Limits& limits, const Catalog& catalog,
                                               std::optional<MakeCallerFn> make_caller);

// The value range alone, as ComputeAdvantages takes it. Null stands for [0, 1].
absl::StatusOr<signals::ValueRange> ResolveRange(const v1::ValueRange* sent);
// Fills the defaults into `wire` and gives the options. Paths in errors begin with `prefix`.
absl::StatusOr<signals::AdvantageOptions> ResolveAdvantages(v1::AdvantageOptions* wire,
                                                            const signals::ValueRange& range,
                                                            absl::string_view prefix);

// The kind on the wire. A table counts as the kind of question whose answers it holds.
v1::QuestionKind QuestionKindToWire(signals::QuestionKind kind);

}  // namespace assay::service

#endif  // ASSAY_SERVER_WIRE_RESOLVE_OPTIONS_H_
