#include "server/runtime/gate.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>

#include "absl/time/clock.h"

namespace assay::runtime {
namespace {

TEST(Gate, WithoutFileEverybodyMayCall) { EXPECT_TRUE(Gate("", {}).Check({"", {}}).ok()); }

TEST(Gate, TokensAreReadAgain) {
  const std::string path = ::testing::TempDir() + "/assay_tokens_" + std::to_string(getpid());
  std::ofstream(path) << "# trainers\nfirst\n\n  second  \n";
  Gate gate(path, {});
  EXPECT_TRUE(gate.Check({"Bearer first", {}}).ok());
  EXPECT_TRUE(gate.Check({"Bearer second", {}}).ok());
  for (const char* wrong : {"", "first", "Bearer ", "Bearer third", "Bearer # trainers",
                            "Basic first", "Bearer first "}) {
    EXPECT_EQ(gate.Check({wrong, {}}).status().code(), absl::StatusCode::kUnauthenticated) << wrong;
  }
  std::ofstream(path) << "third\n";
  absl::SleepFor(absl::Milliseconds(1100));
  EXPECT_TRUE(gate.Check({"Bearer third", {}}).ok());
  EXPECT_FALSE(gate.Check({"Bearer first", {}}).ok());
  // A file that is gone for a moment locks nobody out.
  std::remove(path.c_str());
  absl::SleepFor(absl::Milliseconds(1100));
  EXPECT_TRUE(gate.Check({"Bearer third", {}}).ok());
}

TEST(Gate, AFileThatIsBeingWrittenLocksNobodyOut) {
  const std::string path = ::testing::TempDir() + "/assay_written_" + std::to_string(getpid());
  std::ofstream(path) << "first\n";
  Gate gate(path, {});
  EXPECT_TRUE(gate.Check({"Bearer first", {}}).ok());
  std::ofstream(path).flush();  // truncated in place, nothing written yet
  absl::SleepFor(absl::Milliseconds(1100));
  EXPECT_TRUE(gate.Check({"Bearer first", {}}).ok());
  std::ofstream(path) << "\n \n";
  absl::SleepFor(absl::Milliseconds(1100));
  EXPECT_TRUE(gate.Check({"Bearer first", {}}).ok());
  // Whoever means to withdraw every token says so.
  std::ofstream(path) << "# nobody\n";
  absl::SleepFor(absl::Milliseconds(1100));
  EXPECT_FALSE(gate.Check({"Bearer first", {}}).ok());
}

TEST(Gate, NamesOfCertificates) {
  Gate gate("", {"trainer.example", "spiffe://house/trainer"});
  EXPECT_TRUE(gate.Check({"", {"other", "spiffe://house/trainer"}}).ok());
  EXPECT_EQ(gate.Check({"", {"trainer.example.evil"}}).status().code(),
            absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(gate.Check({"", {}}).status().code(), absl::StatusCode::kPermissionDenied);
}

}  // namespace
}  // namespace assay::runtime
