// The connections that gRPC accepts: how many there are and of whom, and what each has done. The
// hooks (socket_hooks.cc) tell it of every connection, and the service which calls it let in.
#ifndef ASSAY_SERVER_GUARD_CONNECTIONS_H_
#define ASSAY_SERVER_GUARD_CONNECTIONS_H_

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "server/base/mutex.h"
#include "server/guard/frame_guard.h"

namespace assay::guard {

struct ConnectionLimits {
  // Open at once; one more is closed as soon as it is accepted. Of one address half of them.
  int connections = 8192;
  // New ones of one address: at once, and then a second.
  double burst_of_address = 2048;
  double per_second_of_address = 200;
  // Addresses whose new connections are counted one by one; all beyond share one count.
  size_t addresses = 4096;
  // New ones that one counts for which is cut off.
  double arrivals_of_a_cut = 50;
  // Calls of one connection that were refused: at once, and then a second.
  double strikes = 100;
  double strikes_per_second = 20;
};

// One that is open.
class Connection {
 public:
  Connection(std::string peer, std::string address, const ConnectionLimits& limits)
      : peer_(std::move(peer)),
        address_(std::move(address)),
        strikes_(limits.strikes, limits.strikes_per_second) {}

  const std::string& peer() const { return peer_; }
  const std::string& address() const { return address_; }

  bool encrypted() const { return kind_ == Kind::kEncrypted; }
  // Bytes as they come from the socket; called by whoever reads it, one at a time. False: cut it
  // off. Frames are looked at where they are not encrypted.
  bool Take(absl::string_view bytes, FrameGuard::Time now);

  std::atomic<bool> doomed = false;  // it is cut off when it sends the next bytes
  std::atomic<bool> let_in = false;  // a call was

 private:
  friend class Connections;
  enum class Kind : uint8_t { kUnknown, kPlaintext, kEncrypted };

  const std::string peer_;     // as gRPC names it
  const std::string address_;  // by which it is counted
  Allowance strikes_;          // guarded by Connections
  Kind kind_ = Kind::kUnknown;
  FrameGuard frames_;
};

// How many there were, since the start.
struct ConnectionCounts {
  int64_t open = 0;
  int64_t refused = 0;          // when they came: too many, or no descriptor was left
  int64_t cut = 0;              // for what they sent
  int64_t cut_for_strikes = 0;  // for calls that were refused
};

// Thread safe.
class Connections {
 public:
  void set_limits(const ConnectionLimits& limits);

  // A new one of `peer`; null: it is refused.
  std::shared_ptr<Connection> Open(const std::string& peer, FrameGuard::Time now);
  void Close(const Connection& connection);
  // It was cut off for its frames. To its address it counts as many new ones: whoever is cut off
  // may not come back at once, again and again.
  void CutOff(const Connection& connection, FrameGuard::Time now);
  void CountRefused() { ++refused_; }

  // A call of the connection of `peer` was let in; or it was refused: it was to no method, or had
  // no good token.
  void LetIn(const std::string& peer);
  void Strike(const std::string& peer, FrameGuard::Time now);

  ConnectionCounts counts() const;

 private:
  struct Address {
    explicit Address(const ConnectionLimits& limits)
        : arrivals(limits.burst_of_address, limits.per_second_of_address) {}
    int open = 0;
    Allowance arrivals;
    FrameGuard::Time last;
  };
  // The name that an address is counted by: it has an entry.
  std::string NameOf(const std::string& address, FrameGuard::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  ConnectionLimits limits_ ABSL_GUARDED_BY(mutex_);
  int64_t open_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::flat_hash_map<std::string, std::unique_ptr<Address>> addresses_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, std::weak_ptr<Connection>> peers_ ABSL_GUARDED_BY(mutex_);
  std::atomic<int64_t> refused_ = 0;
  std::atomic<int64_t> cut_ = 0;
  std::atomic<int64_t> cut_for_strikes_ = 0;
};

// Of this process.
Connections& AllConnections();

// From now on every connection that gRPC accepts in this process is watched.
void InstallHooks(const ConnectionLimits& limits);

}  // namespace assay::guard

#endif  // ASSAY_SERVER_GUARD_CONNECTIONS_H_
