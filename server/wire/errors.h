// One function per kind of error, and the one place that puts a status on the wire.
//
// A status about a field reads "path: what is wrong" (messages[3].process_score: ...), in every
// room below the wire; ErrorToWire makes a FieldViolation of it.
#ifndef ASSAY_SERVER_WIRE_ERRORS_H_
#define ASSAY_SERVER_WIRE_ERRORS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "assay/v1/error.pb.h"
#include "server/base/retry_after.h"

namespace assay::service {

// INVALID_ARGUMENT.
absl::Status Invalid(absl::string_view path, absl::string_view what);
absl::Status Missing(absl::string_view path);
absl::Status NotFinite(absl::string_view path);
absl::Status OutOfBounds(absl::string_view path, double value, double low, double high);
absl::Status UnknownId(absl::string_view path, absl::string_view id);
absl::Status DuplicateId(absl::string_view path, absl::string_view id);
// Ends the stream.
absl::Status ProtocolViolation(absl::string_view what);

// OUT_OF_RANGE.
absl::Status OverLimit(absl::string_view path, int64_t value, int64_t limit);
absl::Status ParsedTooLarge(int64_t limit);  // ends the call

// ALREADY_EXISTS.
absl::Status StillUnanswered(absl::string_view path, absl::string_view id);

// FAILED_PRECONDITION.
absl::Status Lacks(absl::string_view path, absl::string_view what);

// RESOURCE_EXHAUSTED.
absl::Status BeyondCredits(absl::Duration retry_after);
absl::Status Overloaded(absl::string_view what, absl::Duration retry_after);
absl::Status ResponseTooLarge(int64_t needed, int64_t limit);
absl::Status ClientDoesNotRead(absl::string_view what);

// DEADLINE_EXCEEDED.
absl::Status EpisodeTimedOut(absl::Duration timeout);

// UNAVAILABLE.
absl::Status GoingAway(absl::string_view reason);
absl::Status CallerIsGone();

// The status, which must not be OK, as results carry it.
v1::Error ErrorToWire(const absl::Status& status);

// The lower-case name of a code as metrics and logs carry it: ok, invalid_argument, ...
absl::string_view CodeLabel(absl::StatusCode code);

}  // namespace assay::service

#endif  // ASSAY_SERVER_WIRE_ERRORS_H_
