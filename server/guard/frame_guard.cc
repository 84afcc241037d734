#include "server/guard/frame_guard.h"

#include <algorithm>
#include <cstring>

namespace assay::guard {
namespace {

enum Type : uint8_t {
  kData = 0,
  kHeaders = 1,
  kPriority = 2,
  kReset = 3,
  kSettings = 4,
  kPushPromise = 5,
  kPing = 6,
  kGoAway = 7,
  kWindowUpdate = 8,
  kContinuation = 9,
};
constexpr uint8_t kEndStream = 0x1;
// A DATA frame below this carries next to nothing: gRPC keeps some 50 bytes for each.
constexpr size_t kSmallData = 64;

constexpr std::array<absl::string_view, kCauses> kCauseLabels = {
    "none",           "resets",        "settings",     "pings",
    "push_promise",   "idle_frames",   "header_block", "header_bytes",
    "stranger_calls", "stranger_data", "refused_calls"};

}  // namespace

absl::string_view CauseLabel(Cause cause) { return kCauseLabels[static_cast<size_t>(cause)]; }

FrameGuard::FrameGuard(const service::ConnectionLimits& limits)
    : max_block_bytes_(limits.max_header_block_bytes),
      max_continuations_(limits.max_continuations),
      resets_(limits.resets),
      settings_(limits.settings),
      pings_(limits.pings),
      idle_frames_(limits.idle_frames),
      header_bytes_(limits.header_bytes),
      stranger_calls_(limits.stranger_calls),
      stranger_header_bytes_(limits.stranger_header_bytes),
      stranger_data_bytes_(limits.stranger_data_bytes) {}

bool FrameGuard::Take(absl::string_view bytes, Time now, Standing standing) {
  if (cause_ != Cause::kNone) return false;
  const size_t preface = std::min(preface_left_, bytes.size());
  preface_left_ -= preface;
  bytes.remove_prefix(preface);
  while (!bytes.empty()) {
    const size_t payload = std::min(payload_left_, bytes.size());
    payload_left_ -= payload;
    bytes.remove_prefix(payload);
    const size_t more = std::min(kHeadBytes - head_size_, bytes.size());
    std::memcpy(head_.data() + head_size_, bytes.data(), more);
    head_size_ += more;
    bytes.remove_prefix(more);
    if (head_size_ < kHeadBytes) return true;
    head_size_ = 0;
    const Head head{size_t{head_[0]} << 16 | size_t{head_[1]} << 8 | head_[2], head_[3], head_[4]};
    payload_left_ = head.length;
    if (!OnHead(head, now, standing)) return false;
  }
  return true;
}

bool FrameGuard::OnHead(const Head& head, Time now, Standing standing) {
  switch (head.type) {
    case kData:
      if (standing == Standing::kRefused &&
          !Spend(stranger_data_bytes_, static_cast<double>(head.length), now,
                 Cause::kStrangerData)) {
        return false;
      }
      if (head.length >= kSmallData || (head.flags & kEndStream) != 0) return true;
      return Spend(idle_frames_, 1, now, Cause::kIdleFrames);
    case kHeaders:
      if (standing != Standing::kLetIn && !Spend(stranger_calls_, 1, now, Cause::kStrangerCalls))
        return false;
      return OnBlock(head, /*first=*/true, now, standing);
    case kContinuation:
      return OnBlock(head, /*first=*/false, now, standing);
    case kReset:
      return Spend(resets_, 1, now, Cause::kResets);
    case kSettings:
      return Spend(settings_, 1, now, Cause::kSettings);
    case kPing:
      return Spend(pings_, 1, now, Cause::kPings);
    case kPushPromise:
      return Cut(Cause::kPushPromise);
    default:
      return Spend(idle_frames_, 1, now, Cause::kIdleFrames);
  }
}

bool FrameGuard::OnBlock(const Head& head, bool first, Time now, Standing standing) {
  if (first) {
    block_bytes_ = 0;
    continuations_ = 0;
  } else if (++continuations_ > max_continuations_) {
    return Cut(Cause::kHeaderBlock);
  }
  block_bytes_ += static_cast<int64_t>(head.length);
  if (block_bytes_ > max_block_bytes_) return Cut(Cause::kHeaderBlock);
  Allowance& bytes = standing == Standing::kLetIn ? header_bytes_ : stranger_header_bytes_;
  return Spend(bytes, static_cast<double>(head.length), now, Cause::kHeaderBytes);
}

}  // namespace assay::guard
