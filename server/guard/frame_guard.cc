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

}  // namespace

bool FrameGuard::Take(absl::string_view bytes, Time now, bool let_in) {
  if (!reason_.empty()) return false;
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
    if (!OnHead(head, now, let_in)) return false;
  }
  return true;
}

bool FrameGuard::OnHead(const Head& head, Time now, bool let_in) {
  switch (head.type) {
    case kData:
      if (!let_in && !Spend(strangers_data_, static_cast<double>(head.length), now, "data")) {
        return false;
      }
      if (head.length >= kSmallData || (head.flags & kEndStream) != 0) return true;
      return Spend(idle_frames_, 1, now, "idle_frames");
    case kHeaders:
      if (!let_in && !Spend(strangers_headers_, 1, now, "calls")) return false;
      return OnBlock(head, /*first=*/true, now, let_in);
    case kContinuation:
      return OnBlock(head, /*first=*/false, now, let_in);
    case kReset:
      return Spend(resets_, 1, now, "resets");
    case kSettings:
      return Spend(settings_, 1, now, "settings");
    case kPing:
      return Spend(pings_, 1, now, "pings");
    case kPushPromise:
      return Cut("push_promise");
    default:
      return Spend(idle_frames_, 1, now, "idle_frames");
  }
}

bool FrameGuard::OnBlock(const Head& head, bool first, Time now, bool let_in) {
  if (first) {
    block_bytes_ = 0;
    continuations_ = 0;
  } else if (++continuations_ > kMaxContinuations) {
    return Cut("header_block");
  }
  block_bytes_ += head.length;
  if (block_bytes_ > kMaxBlockBytes) return Cut("header_block");
  Allowance& bytes = let_in ? header_bytes_ : strangers_header_bytes_;
  return Spend(bytes, static_cast<double>(head.length), now, "header_bytes");
}

}  // namespace assay::guard
