// Whether a failed request is worth sending again, and after which time, which its status carries
// as a payload.
#ifndef ASSAY_SERVER_BASE_RETRY_AFTER_H_
#define ASSAY_SERVER_BASE_RETRY_AFTER_H_

#include <optional>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace assay {

// A copy of `status`, which must not be OK, that says to try again after `delay`.
absl::Status WithRetryAfter(absl::Status status, absl::Duration delay);
// What WithRetryAfter put in; unset where it was not called.
std::optional<absl::Duration> RetryAfter(const absl::Status& status);

// Whether the failure is of the means and may pass: UNAVAILABLE, RESOURCE_EXHAUSTED, ABORTED,
// DEADLINE_EXCEEDED, INTERNAL, UNKNOWN. Of all others a second request would fail as well.
bool MayPass(absl::StatusCode code);

// The same status, payloads included, with `prefix` and `suffix` around its message.
absl::Status Annotate(const absl::Status& status, absl::string_view prefix,
                      absl::string_view suffix = "");

}  // namespace assay

#endif  // ASSAY_SERVER_BASE_RETRY_AFTER_H_
