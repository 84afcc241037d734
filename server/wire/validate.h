// Checks that an episode is one that the mathematics can take.
#ifndef ASSAY_SERVER_WIRE_VALIDATE_H_
#define ASSAY_SERVER_WIRE_VALIDATE_H_

#include <cstdint>

#include "absl/status/status.h"
#include "assay/v1/episode.pb.h"
#include "assay/v1/signals.pb.h"
#include "server/wire/limits.h"
#include "server/wire/resolve_options.h"

namespace assay::service {

// Returns the first fault with the field's path: INVALID_ARGUMENT, OUT_OF_RANGE where a limit is
// exceeded, or FAILED_PRECONDITION where the evaluator that was chosen by name cannot answer for
// this episode. `bytes` is the episode's serialised size. O(episode without its texts).
absl::Status ValidateEpisode(const v1::Episode& episode, int64_t bytes,
                             const ResolvedOptions& options, const Limits& limits);

// Checks the id and the group alone: by them an episode is known even where it is rejected.
absl::Status ValidateId(absl::string_view path, absl::string_view id, const Limits& limits);
absl::Status ValidateGroup(const v1::Group& group, const Limits& limits);

// Checks what ComputeAdvantages reads of an episode's signals. Paths begin with `at`.
// INVALID_ARGUMENT also where an agent is listed twice, or one with a message is not listed.
absl::Status ValidateMember(const v1::EpisodeSignals& signals, const signals::ValueRange& range,
                            const Limits& limits, absl::string_view at);

}  // namespace assay::service

#endif  // ASSAY_SERVER_WIRE_VALIDATE_H_
