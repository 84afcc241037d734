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

namespace assay::guard {

// A bucket that fills by itself: `burst` at once, and then `per_second`.
class Allowance {
 public:
  using Time = std::chrono::steady_clock::time_point;

  constexpr Allowance(double burst, double per_second)
      : burst_(burst), per_second_(per_second), left_(burst) {}
  // False: nothing is left. What is taken may be more than that: the next has to wait for it. `now`
  // does not go back.
  bool Take(double amount, Time now) {
    if (at_ != Time()) {
      left_ += per_second_ * std::chrono::duration<double>(now - at_).count();
      if (left_ > burst_) left_ = burst_;
    }
    at_ = now;
    if (left_ <= 0) return false;
    left_ -= amount;
    return true;
  }

 private:
  double burst_;
  double per_second_;
  double left_;
  Time at_{};
};

// Not thread safe.
class FrameGuard {
 public:
  using Time = Allowance::Time;

  // A block of header fields: HEADERS and its CONTINUATIONs. gRPC takes 8 KiB of fields.
  static constexpr size_t kMaxBlockBytes = size_t{64} << 10;
  static constexpr int kMaxContinuations = 32;

  // The next bytes that the client sent, from the connection's first on. `let_in`: a call of this
  // connection had a token that is known, or needed none; before that it may send little. False:
  // it must be cut off, and `reason` says why; nothing that follows is looked at.
  bool Take(absl::string_view bytes, Time now, bool let_in);

  // Empty: none. Of a fixed set, fit for a label.
  absl::string_view reason() const { return reason_; }

 private:
  struct Head {
    size_t length;
    uint8_t type;
    uint8_t flags;
  };
  bool OnHead(const Head& head, Time now, bool let_in);
  bool OnBlock(const Head& head, bool first, Time now, bool let_in);
  bool Cut(absl::string_view reason) {
    reason_ = reason;
    return false;
  }
  bool Spend(Allowance& allowance, double amount, Time now, absl::string_view reason) {
    return allowance.Take(amount, now) || Cut(reason);
  }

  static constexpr size_t kPrefaceBytes = 24;
  static constexpr size_t kHeadBytes = 9;

  size_t preface_left_ = kPrefaceBytes;
  std::array<unsigned char, kHeadBytes> head_{};
  size_t head_size_ = 0;
  size_t payload_left_ = 0;
  size_t block_bytes_ = 0;
  int continuations_ = 0;
  absl::string_view reason_;

  Allowance resets_{500, 200};
  Allowance settings_{50, 1};
  Allowance pings_{1000, 500};
  // Frames that carry nothing or next to it, and such as gRPC does not know.
  Allowance idle_frames_{100'000, 50'000};
  Allowance strangers_headers_{1000, 200};
  Allowance strangers_header_bytes_{1 << 20, 256 << 10};
  Allowance header_bytes_{16 << 20, 8 << 20};
  Allowance strangers_data_{512 << 10, 64 << 10};
};

}  // namespace assay::guard

#endif  // ASSAY_SERVER_GUARD_FRAME_GUARD_H_
