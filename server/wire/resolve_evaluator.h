// Who answers the questions about the episodes of a call: the evaluator part of AttributionOptions.
#ifndef ASSAY_SERVER_WIRE_RESOLVE_EVALUATOR_H_
#define ASSAY_SERVER_WIRE_RESOLVE_EVALUATOR_H_

#include <optional>

#include "assay/v1/options.pb.h"
#include "server/wire/limits.h"
#include "server/wire/option_checker.h"
#include "server/wire/resolve_options.h"

namespace assay::service {

// Fills the defaults of the evaluator's options into `wire` and the evaluators into `resolved`,
// whose max_response_bytes is resolved already. Errors go to `check`.
void ResolveEvaluator(v1::AttributionOptions* wire, const Limits& limits, const Catalog& catalog,
                      const std::optional<MakeCallerFn>& make_caller, ResolvedOptions* resolved,
                      OptionChecker* check);

}  // namespace assay::service

#endif  // ASSAY_SERVER_WIRE_RESOLVE_EVALUATOR_H_
