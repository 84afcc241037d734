// When a failed request may succeed, carried by its status.
#ifndef ASSAY_SERVER_BASE_RETRY_AFTER_H_
#define ASSAY_SERVER_BASE_RETRY_AFTER_H_

#include <optional>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace assay {

// `status` must not be OK.
absl::Status WithRetryAfter(absl::Status status, absl::Duration delay);
std::optional<absl::Duration> RetryAfter(const absl::Status& status);

// The same status with `prefix` and `suffix` around its message.
absl::Status Annotate(const absl::Status& status, absl::string_view prefix,
                      absl::string_view suffix = "");

}  // namespace assay

#endif  // ASSAY_SERVER_BASE_RETRY_AFTER_H_
