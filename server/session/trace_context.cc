#include "server/session/trace_context.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace assay::service {
namespace {

// VERSION-TRACE-SPAN-FLAGS
constexpr size_t kTraceAt = 3, kTraceSize = 32, kSpanAt = 36, kSpanSize = 16, kFlagsAt = 53;
constexpr size_t kSize = 55;

bool IsHex(absl::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == absl::string_view::npos;
}

bool IsZero(absl::string_view text) {
  return text.find_first_not_of('0') == absl::string_view::npos;
}

bool IsValid(absl::string_view header) {
  if (header.size() < kSize) return false;
  const absl::string_view version = header.substr(0, 2);
  if (!IsHex(version) || version == "ff") return false;
  // A later version may append fields; this one has none.
  if (header.size() > kSize && (version == "00" || header[kSize] != '-')) return false;
  if (header[2] != '-' || header[kSpanAt - 1] != '-' || header[kFlagsAt - 1] != '-') return false;
  const absl::string_view trace = header.substr(kTraceAt, kTraceSize);
  const absl::string_view span = header.substr(kSpanAt, kSpanSize);
  return IsHex(trace) && !IsZero(trace) && IsHex(span) && !IsZero(span) &&
         IsHex(header.substr(kFlagsAt, 2));
}

}  // namespace

TraceContext ContinueTrace(absl::string_view traceparent, uint64_t span) {
  if (!IsValid(traceparent)) return {};
  const absl::string_view trace = traceparent.substr(kTraceAt, kTraceSize);
  return {std::string(trace), absl::StrCat("00-", trace, "-", absl::Hex(span, absl::kZeroPad16),
                                           "-", traceparent.substr(kFlagsAt, 2))};
}

}  // namespace assay::service
