// W3C trace context: the trace that a call belongs to, and the header that continues it.
#ifndef ASSAY_SERVER_SESSION_TRACE_CONTEXT_H_
#define ASSAY_SERVER_SESSION_TRACE_CONTEXT_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace assay::service {

// Both fields are empty where the client sent no trace context, or one that is not valid.
struct TraceContext {
  std::string trace_id;     // 32 hex digits, for logs
  std::string traceparent;  // for whom we ask: the client's trace and flags, our own span
};

// `span` (not 0) names our part of the trace that `traceparent` belongs to.
TraceContext ContinueTrace(absl::string_view traceparent, uint64_t span);

}  // namespace assay::service

#endif  // ASSAY_SERVER_SESSION_TRACE_CONTEXT_H_
