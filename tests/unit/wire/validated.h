// Validates an episode as a server with default options and limits does.
#ifndef ASSAY_TESTS_UNIT_WIRE_VALIDATED_H_
#define ASSAY_TESTS_UNIT_WIRE_VALIDATED_H_

#include <memory>

#include "server/wire/validate.h"
#include "tests/unit/wire/resolve.h"

namespace assay::service {

inline std::shared_ptr<const ResolvedOptions> Defaults() {
  return std::make_shared<ResolvedOptions>(*Resolve({}));
}

inline absl::Status Validate(const v1::Episode& episode) {
  return ValidateEpisode(episode, static_cast<int64_t>(episode.ByteSizeLong()), *Defaults(),
                         Limits());
}

}  // namespace assay::service

#endif  // ASSAY_TESTS_UNIT_WIRE_VALIDATED_H_
