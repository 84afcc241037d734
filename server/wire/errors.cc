#include "server/wire/errors.h"

#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/base/utf8.h"
#include "server/wire/questions/durations.h"
#include "server/wire/questions/questions.h"

namespace assay::service {
namespace {

constexpr size_t kMaxMessageBytes = 1024;
constexpr size_t kMaxQuotedBytes = 64;

std::string AtPath(absl::string_view path, absl::string_view what) {
  return absl::StrCat(path, ": ", what);
}

std::string Quoted(absl::string_view id) {
  const bool cut = id.size() > kMaxQuotedBytes;
  return absl::StrCat("\"", absl::Utf8SafeCHexEscape(CutText(id, kMaxQuotedBytes)),
                      cut ? "...\"" : "\"");
}

// Only errors about the request speak of its fields; "unavailable: host" is no path.
bool SpeaksOfFields(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kUnimplemented:
    case absl::StatusCode::kResourceExhausted:
      return true;
    default:
      return false;
  }
}

bool IsPath(absl::string_view text) {
  if (text.empty()) return false;
  for (const char c : text) {
    if (!absl::ascii_islower(c) && !absl::ascii_isdigit(c) && c != '_' && c != '.' && c != '[' &&
        c != ']') {
      return false;
    }
  }
  return true;
}

// As many digits as tell the number from its neighbours: 1.0000000000000002 is not 1.
std::string Digits(double value) {
  std::string text = absl::StrCat(value);
  double read = 0;
  if (absl::SimpleAtod(text, &read) && read == value) return text;
  return absl::StrFormat("%.17g", value);
}

}  // namespace

absl::Status Invalid(absl::string_view path, absl::string_view what) {
  return absl::InvalidArgumentError(AtPath(path, what));
}

absl::Status Missing(absl::string_view path) { return Invalid(path, "must be set"); }

absl::Status NotFinite(absl::string_view path) { return Invalid(path, "must be finite"); }

absl::Status OutOfBounds(absl::string_view path, double value, double low, double high) {
  return Invalid(path, absl::StrCat("is ", Digits(value), ", must be in [", Digits(low), ", ",
                                    Digits(high), "]"));
}

absl::Status UnknownId(absl::string_view path, absl::string_view id) {
  return Invalid(path, absl::StrCat("unknown: ", Quoted(id)));
}

absl::Status DuplicateId(absl::string_view path, absl::string_view id) {
  return Invalid(path, absl::StrCat("used twice: ", Quoted(id)));
}

absl::Status ProtocolViolation(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("protocol violation, ", what));
}

absl::Status OverLimit(absl::string_view path, int64_t value, int64_t limit) {
  return absl::OutOfRangeError(AtPath(path, absl::StrCat(value, " is above the limit of ", limit)));
}

absl::Status StillUnanswered(absl::string_view path, absl::string_view id) {
  return absl::AlreadyExistsError(AtPath(path, absl::StrCat("still unanswered: ", Quoted(id))));
}

absl::Status Lacks(absl::string_view path, absl::string_view what) {
  return absl::FailedPreconditionError(AtPath(path, what));
}

absl::Status ParsedTooLarge(int64_t limit) {
  return absl::OutOfRangeError(absl::StrCat("the message would take more than ", limit,
                                            " bytes of memory when it is parsed"));
}

absl::Status BeyondCredits(absl::Duration retry_after) {
  return Overloaded("more episodes or bytes in flight than StreamReady allows", retry_after);
}

absl::Status Overloaded(absl::string_view what, absl::Duration retry_after) {
  return WithRetryAfter(absl::ResourceExhaustedError(what), retry_after);
}

absl::Status ResponseTooLarge(int64_t needed, int64_t limit) {
  return absl::ResourceExhaustedError(
      AtPath("max_response_bytes",
             absl::StrCat("the result needs ", needed, " bytes, allowed are ", limit)));
}

absl::Status ClientDoesNotRead(absl::string_view what) {
  return absl::ResourceExhaustedError(absl::StrCat("the client does not read, ", what));
}

absl::Status EpisodeTimedOut(absl::Duration timeout) {
  return absl::DeadlineExceededError(
      absl::StrCat("no result within episode_timeout (", absl::FormatDuration(timeout), ")"));
}

absl::Status GoingAway(absl::string_view reason) {
  return absl::UnavailableError(absl::StrCat("going away, ", reason));
}

absl::Status CallerIsGone() {
  return absl::UnavailableError("the caller closed its side with questions unanswered");
}

v1::Error ErrorToWire(const absl::Status& status) {
  v1::Error error;
  error.set_code(static_cast<int32_t>(status.code()));
  const absl::string_view message = status.message();
  error.set_message(std::string(CutText(message, kMaxMessageBytes)));
  const size_t colon = message.find(": ");
  if (SpeaksOfFields(status.code()) && colon != absl::string_view::npos &&
      IsPath(message.substr(0, colon))) {
    v1::FieldViolation* violation = error.add_violations();
    violation->set_field(std::string(message.substr(0, colon)));
    violation->set_description(std::string(CutText(message.substr(colon + 2), kMaxMessageBytes)));
  }
  if (const auto retry_after = RetryAfter(status)) {
    DurationToWire(*retry_after, error.mutable_retry_after());
  }
  return error;
}

absl::string_view CodeLabel(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kOk:
      return "ok";
    case absl::StatusCode::kCancelled:
      return "cancelled";
    case absl::StatusCode::kInvalidArgument:
      return "invalid_argument";
    case absl::StatusCode::kDeadlineExceeded:
      return "deadline_exceeded";
    case absl::StatusCode::kNotFound:
      return "not_found";
    case absl::StatusCode::kAlreadyExists:
      return "already_exists";
    case absl::StatusCode::kPermissionDenied:
      return "permission_denied";
    case absl::StatusCode::kResourceExhausted:
      return "resource_exhausted";
    case absl::StatusCode::kFailedPrecondition:
      return "failed_precondition";
    case absl::StatusCode::kAborted:
      return "aborted";
    case absl::StatusCode::kOutOfRange:
      return "out_of_range";
    case absl::StatusCode::kUnimplemented:
      return "unimplemented";
    case absl::StatusCode::kInternal:
      return "internal";
    case absl::StatusCode::kUnavailable:
      return "unavailable";
    case absl::StatusCode::kDataLoss:
      return "data_loss";
    case absl::StatusCode::kUnauthenticated:
      return "unauthenticated";
    default:
      return "unknown";
  }
}

}  // namespace assay::service
