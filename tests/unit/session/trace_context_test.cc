#include "server/session/trace_context.h"

#include <gtest/gtest.h>

namespace assay::service {
namespace {

// The example of W3C Trace Context (www.w3.org/TR/trace-context).
constexpr char kHeader[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST(TraceContext, KeepsTraceAndFlagsUnderASpanOfItsOwn) {
  const TraceContext trace = ContinueTrace(kHeader, 0xabc);
  EXPECT_EQ(trace.trace_id, "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(trace.traceparent, "00-0af7651916cd43dd8448eb211c80319c-0000000000000abc-01");
}

TEST(TraceContext, ALaterVersionMayHaveMoreFields) {
  const TraceContext trace =
      ContinueTrace("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00-more", 1);
  EXPECT_EQ(trace.traceparent, "00-0af7651916cd43dd8448eb211c80319c-0000000000000001-00");
}

TEST(TraceContext, WhatIsNotValidIsNone) {
  for (const char* header : {
           "",
           "00",
           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
           "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01more",
           "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
           "00-00000000000000000000000000000000-b7ad6b7169203331-01",
           "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
           "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0\n",
           "00_0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331_01",
           "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
           "00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01",
           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331_01",
           "00-0af7651916cd43dd8448eb211c80319c-B7AD6B7169203331-01",
           "0x-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
       }) {
    EXPECT_EQ(ContinueTrace(header, 1).trace_id, "") << header;
    EXPECT_EQ(ContinueTrace(header, 1).traceparent, "") << header;
  }
}

}  // namespace
}  // namespace assay::service
