// Options that are right one by one and cannot have an effect together.
#ifndef ASSAY_SERVER_WIRE_OPTION_EFFECTS_H_
#define ASSAY_SERVER_WIRE_OPTION_EFFECTS_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "assay/v1/options.pb.h"
#include "server/wire/resolve_options.h"

namespace assay::service {

// INVALID_ARGUMENT with the path of an option that differs from its default although the other
// options leave it nothing to do, whatever the episodes are. For options as they are sent; what was
// recorded is replayed as it is.
absl::Status CheckEffects(const ResolvedOptions& options);
// The same of advantages alone. Paths begin with `prefix`.
absl::Status CheckEffects(const v1::AdvantageOptions& resolved, absl::string_view prefix);

}  // namespace assay::service

#endif  // ASSAY_SERVER_WIRE_OPTION_EFFECTS_H_
