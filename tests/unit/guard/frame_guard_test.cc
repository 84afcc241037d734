#include "server/guard/frame_guard.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"

namespace assay::guard {
namespace {

constexpr absl::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr service::ConnectionLimits kLimits;
const FrameGuard::Time kStart{std::chrono::seconds(1000)};

std::string Frame(int type, int flags, size_t length, int stream = 1) {
  std::string frame = {static_cast<char>(length >> 16),
                       static_cast<char>(length >> 8),
                       static_cast<char>(length),
                       static_cast<char>(type),
                       static_cast<char>(flags),
                       0,
                       0,
                       0,
                       static_cast<char>(stream)};
  return frame + std::string(length, 'x');
}

// How many of `frame` a fresh connection may send at once; `most` is tried.
int Allowed(const std::string& frame, Standing standing, int most) {
  FrameGuard guard(kLimits);
  EXPECT_TRUE(guard.Take(kPreface, kStart, standing));
  for (int i = 0; i < most; ++i) {
    if (!guard.Take(frame, kStart, standing)) return i;
  }
  return most;
}

TEST(FrameGuard, EachKindHasItsAllowance) {
  EXPECT_EQ(Allowed(Frame(3, 0, 4), Standing::kLetIn, 10'000), 500) << "resets";
  EXPECT_EQ(Allowed(Frame(4, 0, 0), Standing::kLetIn, 10'000), 50) << "settings";
  EXPECT_EQ(Allowed(Frame(6, 0, 8), Standing::kLetIn, 10'000), 1000) << "pings";
  EXPECT_EQ(Allowed(Frame(5, 0, 8), Standing::kLetIn, 10), 0) << "no client pushes";
  EXPECT_EQ(Allowed(Frame(8, 0, 4), Standing::kLetIn, 200'000), 100'000) << "window updates";
  EXPECT_EQ(Allowed(Frame(200, 0, 0), Standing::kLetIn, 200'000), 100'000) << "unknown ones";
  EXPECT_EQ(Allowed(Frame(0, 0, 1), Standing::kLetIn, 200'000), 100'000) << "drops of data";
  EXPECT_EQ(Allowed(Frame(1, 5, 100), Standing::kRefused, 10'000), 1000) << "calls of strangers";
  EXPECT_EQ(Allowed(Frame(0, 0, 16384), Standing::kRefused, 1000), 32) << "data of strangers";
}

TEST(FrameGuard, SaysWhyInLabelsThatDiffer) {
  std::set<absl::string_view> labels;
  for (int i = 0; i < kCauses; ++i) labels.insert(CauseLabel(static_cast<Cause>(i)));
  EXPECT_EQ(labels.size(), kCauses);
  EXPECT_EQ(CauseLabel(Cause::kRefusedCalls), "refused_calls");
  EXPECT_EQ(CauseLabel(Cause::kIdleFrames), "idle_frames");
}

// A server that is busy says late what it thinks of a call: the calls wait in it, and data in the
// windows of HTTP/2.
TEST(FrameGuard, BeforeAnythingIsKnownCallsAreCountedAndDataIsNot) {
  EXPECT_EQ(Allowed(Frame(1, 5, 100), Standing::kUnknown, 10'000), 1000);
  EXPECT_EQ(Allowed(Frame(1, 5, 8000), Standing::kUnknown, 10'000), 132) << "a MiB of headers";
  EXPECT_EQ(Allowed(Frame(0, 0, 16384), Standing::kUnknown, 1000), 1000);
}

TEST(FrameGuard, WhoIsLetInMaySendCallsAndDataWithoutEnd) {
  EXPECT_EQ(Allowed(Frame(1, 4, 100), Standing::kLetIn, 100'000), 100'000);
  EXPECT_EQ(Allowed(Frame(0, 0, 16384), Standing::kLetIn, 10'000), 10'000);
  EXPECT_EQ(Allowed(Frame(0, 1, 5), Standing::kLetIn, 200'000), 200'000)
      << "the last frame of a small call";
}

TEST(FrameGuard, AHeaderBlockHasAnEnd) {
  FrameGuard long_block(kLimits);
  ASSERT_TRUE(long_block.Take(kPreface, kStart, Standing::kLetIn));
  EXPECT_TRUE(long_block.Take(Frame(1, 0, 16384), kStart, Standing::kLetIn));
  EXPECT_TRUE(long_block.Take(Frame(9, 0, 16384), kStart, Standing::kLetIn));
  EXPECT_TRUE(long_block.Take(Frame(9, 0, 16384), kStart, Standing::kLetIn));
  EXPECT_TRUE(long_block.Take(Frame(9, 0, 16384), kStart, Standing::kLetIn));
  EXPECT_FALSE(long_block.Take(Frame(9, 0, 1), kStart, Standing::kLetIn));
  EXPECT_EQ(long_block.cause(), Cause::kHeaderBlock);
  FrameGuard drops(kLimits);
  ASSERT_TRUE(drops.Take(kPreface, kStart, Standing::kLetIn));
  EXPECT_TRUE(drops.Take(Frame(1, 0, 1), kStart, Standing::kLetIn));
  int taken = 0;
  while (drops.Take(Frame(9, 0, 0), kStart, Standing::kLetIn)) ++taken;
  EXPECT_EQ(taken, kLimits.max_continuations);
  EXPECT_FALSE(drops.Take(Frame(0, 0, 100), kStart, Standing::kLetIn)) << "for good";
}

TEST(FrameGuard, AnAllowanceFillsAgain) {
  FrameGuard guard(kLimits);
  ASSERT_TRUE(guard.Take(kPreface, kStart, Standing::kLetIn));
  // 150 resets a second, for an hour: a client with short deadlines.
  for (int second = 0; second < 3600; ++second) {
    for (int i = 0; i < 150; ++i) {
      ASSERT_TRUE(
          guard.Take(Frame(3, 0, 4), kStart + std::chrono::seconds(second), Standing::kLetIn));
    }
  }
}

// Wherever the bytes are cut into pieces, the frames are the same.
TEST(FrameGuard, SeesTheSameFramesInAnyPieces) {
  std::string bytes(kPreface);
  for (int i = 0; i < 40; ++i) absl::StrAppend(&bytes, Frame(0, 0, 300), Frame(4, 0, 6));
  for (int i = 0; i < 11; ++i) bytes += Frame(4, 1, 0);
  for (const size_t piece : {1, 2, 7, 9, 24, 309, 100'000}) {
    FrameGuard guard(kLimits);
    size_t taken = 0;
    for (size_t at = 0; at < bytes.size(); at += piece) {
      if (!guard.Take(absl::string_view(bytes).substr(at, piece), kStart, Standing::kLetIn)) break;
      taken = std::min(at + piece, bytes.size());
    }
    EXPECT_EQ(guard.cause(), Cause::kSettings)
        << "the last frame is one too many; pieces of " << piece;
    EXPECT_GE(taken + piece, bytes.size() - 8) << piece;
  }
}

}  // namespace
}  // namespace assay::guard
