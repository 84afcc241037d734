// The connections that gRPC accepts: how many there are and of whom, and what each has done. The
// hooks (socket_hooks.cc) report every connection; the service reports which calls it has let in.
#ifndef ASSAY_SERVER_GUARD_CONNECTIONS_H_
#define ASSAY_SERVER_GUARD_CONNECTIONS_H_

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "server/base/mutex.h"
#include "server/guard/frame_guard.h"
#include "server/wire/limits.h"

namespace assay::guard {

// An open connection.
class Connection {
 public:
  Connection(std::string peer, std::string network, const service::ConnectionLimits& limits)
      : peer_(std::move(peer)),
        network_(std::move(network)),
        refused_calls_(limits.refused_calls),
        frames_(limits) {}

  const std::string& peer() const { return peer_; }
  const std::string& network() const { return network_; }

  bool encrypted() const { return kind_ == Kind::kEncrypted; }
  // Looks at the next bytes that came from the socket, unless they are encrypted. Returns why the
  // connection must be cut off; kNone where it need not be. One thread at a time may call it.
  Cause Take(absl::string_view bytes, FrameGuard::Time now);

  Standing standing() const { return standing_.load(std::memory_order_relaxed); }

 private:
  friend class Connections;
  enum class Kind : uint8_t { kUnknown, kPlaintext, kEncrypted };

  const std::string peer_;     // as gRPC names it
  const std::string network_;  // by which it is counted (NetworkOf)
  Allowance refused_calls_;    // guarded by Connections
  // It has too many refused calls, and is cut off when it sends the next bytes.
  std::atomic<bool> doomed_ = false;
  std::atomic<bool> cut_ = false;
  std::atomic<Standing> standing_ = Standing::kUnknown;
  Kind kind_ = Kind::kUnknown;
  FrameGuard frames_;
};

// Why a new connection is refused.
enum class Refusal : uint8_t {
  kConnections,      // the server has as many as it takes
  kPeerConnections,  // its peer has
  kPeerArrivals,     // its peer comes too often
  kDescriptors,      // the process has no descriptor left
};
inline constexpr int kRefusals = static_cast<int>(Refusal::kDescriptors) + 1;
// In lower case, such as "peer_arrivals".
absl::string_view RefusalLabel(Refusal refusal);

// How many connections are open, and how many were refused and cut off since the start.
struct ConnectionCounts {
  int64_t open = 0;
  std::array<int64_t, kRefusals> refused{};
  std::array<int64_t, kCauses> cut{};  // kNone: 0

  int64_t of(Refusal refusal) const { return refused[static_cast<size_t>(refusal)]; }
  int64_t of(Cause cause) const { return cut[static_cast<size_t>(cause)]; }
};

// Thread safe.
class Connections {
 public:
  // Sets the limits of the connections that come from now on.
  void set_limits(const service::ConnectionLimits& limits);
  service::ConnectionLimits limits() const;

  // Counts a new connection of `peer`. Null where it is refused.
  std::shared_ptr<Connection> Open(const std::string& peer, FrameGuard::Time now);
  void Close(const Connection& connection);
  // Notes that a connection is cut off; a second note of the same connection does not count. It
  // counts like many new connections of its peer, so that whoever is cut off cannot come back at
  // once, again and again.
  void CutOff(Connection& connection, Cause cause, FrameGuard::Time now);
  void CountRefused(Refusal refusal) { ++refused_[static_cast<size_t>(refusal)]; }

  // Notes that a call of the connection of `peer` was let in, or that it was refused because it was
  // to no known method or had no valid token.
  void LetIn(const std::string& peer);
  void RefusedCall(const std::string& peer, FrameGuard::Time now);

  ConnectionCounts counts() const;

 private:
  struct Network {
    explicit Network(const service::ConnectionLimits& limits) : arrivals(limits.peer_arrivals) {}
    int open = 0;
    Allowance arrivals;
    FrameGuard::Time last;
  };
  // The name under which a network is counted: its own, or the shared one once there are max_peers
  // entries. Makes the entry.
  std::string NameOf(const std::string& network, FrameGuard::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  service::ConnectionLimits limits_ ABSL_GUARDED_BY(mutex_);
  int64_t open_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::flat_hash_map<std::string, std::unique_ptr<Network>> networks_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, std::weak_ptr<Connection>> peers_ ABSL_GUARDED_BY(mutex_);
  std::array<std::atomic<int64_t>, kRefusals> refused_{};
  std::array<std::atomic<int64_t>, kCauses> cut_{};
};

// All connections of this process.
Connections& AllConnections();

// From now on every connection that gRPC accepts in this process is watched.
void InstallHooks(const service::ConnectionLimits& limits);

}  // namespace assay::guard

#endif  // ASSAY_SERVER_GUARD_CONNECTIONS_H_
