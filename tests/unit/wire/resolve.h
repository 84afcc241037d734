// Resolves options as a server with default limits and no configuration does.
#ifndef ASSAY_TESTS_UNIT_WIRE_RESOLVE_H_
#define ASSAY_TESTS_UNIT_WIRE_RESOLVE_H_

#include <optional>
#include <string>

#include "server/wire/errors.h"
#include "server/wire/resolve_options.h"

namespace assay::service {

inline absl::StatusOr<ResolvedOptions> Resolve(const v1::AttributionOptions& sent) {
  return ResolveOptions(sent, Limits(), Catalog(), std::nullopt);
}

// The path of the first field that a status complains about; "" where it names none.
inline std::string FieldOf(const absl::Status& status) {
  const v1::Error error = ErrorToWire(status);
  return error.violations_size() == 0 ? "" : error.violations(0).field();
}

}  // namespace assay::service

#endif  // ASSAY_TESTS_UNIT_WIRE_RESOLVE_H_
