// Watches the frames that a client sends on one HTTP/2 connection (RFC 9113), before gRPC reads
// them. gRPC 1.51 has no bound of its own for frames that cost a server more than they cost their
// sender: rapid resets (CVE-2023-44487), header blocks without an end (CVE-2024-27316 and the like,
// CVE-2023-33953), floods of SETTINGS, PING and of frames that carry nothing. Each kind has an
// allowance here that no client of good will comes near; whoever spends it is cut off.
//
// Only the nine bytes before each frame are looked at: the cost does not depend on its size.
#ifndef ASSAY_SERVER_GUARD_FRAME_GUARD_H_
#define ASSAY_SERVER_GUARD_FRAME_GUARD_H_

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "server/wire/limits.h"

namespace assay::guard {

// How much of a rate is left.
class Allowance {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit constexpr Allowance(const service::Rate& rate) : rate_(rate), left_(rate.burst) {}
  // Takes `amount`, which may be more than what is left: the next take then has to wait for it.
  // False, and nothing is taken, where nothing is left. `now` must not go back.
  bool Take(double amount, Time now) {
    if (at_ != Time()) {
      left_ += rate_.per_second * std::chrono::duration<double>(now - at_).count();
      if (left_ > rate_.burst) left_ = rate_.burst;
    }
    at_ = now;
    if (left_ <= 0) return false;
    left_ -= amount;
    return true;
  }

 private:
  service::Rate rate_;
  double left_;
  Time at_{};
};

// Why a connection is cut off.
enum class Cause : uint8_t {
  kNone,
  kResets,
  kSettings,
  kPings,
  kPushPromise,
  kIdleFrames,   // frames that carry no data or very little, or whose type HTTP/2 does not know
  kHeaderBlock,  // a block of header fields that is too large, or in too many parts
  kHeaderBytes,
  kStrangerCalls,  // too many calls, none of which was let in
  kStrangerData,   // too much data, after a call was refused and none was let in
  kRefusedCalls,
};
inline constexpr int kCauses = static_cast<int>(Cause::kRefusedCalls) + 1;
// In lower case, such as "idle_frames".
absl::string_view CauseLabel(Cause cause);

// What became of a connection's calls so far.
enum class Standing : uint8_t {
  kUnknown,  // not decided yet, which may take a busy server a while
  kRefused,  // a call had no valid token, or was to no known method, and none was let in
  kLetIn,    // a call was let in
};

// Not thread safe.
class FrameGuard {
 public:
  using Time = Allowance::Time;

  explicit FrameGuard(const service::ConnectionLimits& limits);

  // Looks at the next bytes that the client sent, from the connection's first on. Returns false
  // where the connection must be cut off; cause() then says why, and nothing that follows is looked
  // at. A client that was not let in may make few calls, and one that was refused may send little
  // data. Before it is refused the windows of HTTP/2 bound its data, many of which a client of good
  // will may have filled.
  bool Take(absl::string_view bytes, Time now, Standing standing);

  Cause cause() const { return cause_; }

 private:
  struct Head {
    size_t length;
    uint8_t type;
    uint8_t flags;
  };
  bool OnHead(const Head& head, Time now, Standing standing);
  bool OnBlock(const Head& head, bool first, Time now, Standing standing);
  bool Cut(Cause cause) {
    cause_ = cause;
    return false;
  }
  bool Spend(Allowance& allowance, double amount, Time now, Cause cause) {
    return allowance.Take(amount, now) || Cut(cause);
  }

  static constexpr size_t kPrefaceBytes = 24;
  static constexpr size_t kHeadBytes = 9;

  size_t preface_left_ = kPrefaceBytes;
  std::array<unsigned char, kHeadBytes> head_{};
  size_t head_size_ = 0;
  size_t payload_left_ = 0;
  const int64_t max_block_bytes_;
  const int32_t max_continuations_;
  int64_t block_bytes_ = 0;
  int32_t continuations_ = 0;
  Cause cause_ = Cause::kNone;

  Allowance resets_;
  Allowance settings_;
  Allowance pings_;
  Allowance idle_frames_;
  Allowance header_bytes_;
  Allowance stranger_calls_;
  Allowance stranger_header_bytes_;
  Allowance stranger_data_bytes_;
};

}  // namespace assay::guard

#endif  // ASSAY_SERVER_GUARD_FRAME_GUARD_H_
