#include "server/telemetry/grpc_log.h"

#include <grpc/support/log.h>
#include <gtest/gtest.h>

#include <sstream>

#include "absl/strings/str_split.h"
#include "spdlog/sinks/ostream_sink.h"
#include "spdlog/spdlog.h"

namespace assay::telemetry {
namespace {

// As many handshakes as somebody likes may fail.
TEST(GrpcLog, WhatGrpcSaysIsLimitedAndCounted) {
  std::ostringstream text;
  const Log log{std::make_shared<spdlog::logger>(
      "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(text))};
  gpr_set_log_verbosity(GPR_LOG_SEVERITY_ERROR);  // as it is once gRPC has begun
  constexpr int kSaid = 10'000;
  {
    const GrpcLog lines(&log);
    for (int i = 0; i < kSaid; ++i) gpr_log(GPR_ERROR, "handshake %d \"failed\"", i);
  }
  gpr_log(GPR_ERROR, "this goes to standard error");
  const std::vector<std::string> lines = absl::StrSplit(text.str(), '\n', absl::SkipEmpty());
  ASSERT_GE(lines.size(), LineLimiter::kBurst);
  EXPECT_LT(lines.size(), kSaid / 10);
  EXPECT_NE(lines[0].find(R"("event":"grpc","message":"handshake 0 \"failed\"","left_out":0)"),
            std::string::npos)
      << lines[0];
  EXPECT_EQ(text.str().find("standard error"), std::string::npos);
}

}  // namespace
}  // namespace assay::telemetry
