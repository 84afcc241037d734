#include "server/guard/connections.h"

#include <algorithm>
#include <utility>

namespace assay::guard {
namespace {

// Of a client that speaks HTTP/2 in plaintext: its preface. Of TLS: a handshake record.
constexpr char kPlaintextStart = 'P';

// Long enough for every allowance to be full again.
constexpr std::chrono::seconds kForget{60};
constexpr char kOthers[] = "others";

}  // namespace

bool Connection::Take(absl::string_view bytes, FrameGuard::Time now) {
  if (bytes.empty() || kind_ == Kind::kEncrypted) return true;
  if (kind_ == Kind::kUnknown) {
    kind_ = bytes[0] == kPlaintextStart ? Kind::kPlaintext : Kind::kEncrypted;
    return Take(bytes, now);
  }
  return frames_.Take(bytes, now, let_in.load(std::memory_order_relaxed));
}

void Connections::set_limits(const ConnectionLimits& limits) {
  MutexLock lock(&mutex_);
  limits_ = limits;
}

std::string Connections::NameOf(const std::string& address, FrameGuard::Time now) {
  if (addresses_.contains(address)) return address;
  if (addresses_.size() >= limits_.addresses) {
    absl::erase_if(addresses_, [now](const auto& entry) {
      return entry.second->open == 0 && now - entry.second->last > kForget;
    });
  }
  const std::string name = addresses_.size() >= limits_.addresses ? kOthers : address;
  std::unique_ptr<Address>& entry = addresses_[name];
  if (entry == nullptr) entry = std::make_unique<Address>(limits_);
  return name;
}

std::shared_ptr<Connection> Connections::Open(const std::string& peer, FrameGuard::Time now) {
  MutexLock lock(&mutex_);
  const std::string address = NameOf(peer.substr(0, peer.rfind(':')), now);
  Address* const from = addresses_.at(address).get();
  const bool local = address == "unix";  // whoever may open the socket
  from->last = now;
  if (open_ >= limits_.connections ||
      (!local &&
       (from->open >= std::max(1, limits_.connections / 2) || !from->arrivals.Take(1, now)))) {
    ++refused_;
    return nullptr;
  }
  ++open_;
  ++from->open;
  auto connection = std::make_shared<Connection>(peer, address, limits_);
  // All who come by a Unix socket have one name, by which nobody could be let in later: they are
  // let in by whoever may open the socket.
  connection->let_in = local;
  if (!local) peers_[peer] = connection;
  return connection;
}

void Connections::Close(const Connection& connection) {
  MutexLock lock(&mutex_);
  --open_;
  --addresses_.at(connection.address())->open;
  const auto peer = peers_.find(connection.peer());
  if (peer != peers_.end() && peer->second.lock().get() == &connection) peers_.erase(peer);
}

void Connections::CutOff(const Connection& connection, FrameGuard::Time now) {
  ++cut_;
  MutexLock lock(&mutex_);
  const auto found = addresses_.find(connection.address());
  if (found != addresses_.end()) found->second->arrivals.Take(limits_.arrivals_of_a_cut, now);
}

void Connections::LetIn(const std::string& peer) {
  MutexLock lock(&mutex_);
  const auto found = peers_.find(peer);
  if (found == peers_.end()) return;
  if (const auto connection = found->second.lock()) connection->let_in = true;
}

void Connections::Strike(const std::string& peer, FrameGuard::Time now) {
  MutexLock lock(&mutex_);
  const auto found = peers_.find(peer);
  if (found == peers_.end()) return;
  const auto connection = found->second.lock();
  if (connection == nullptr || connection->strikes_.Take(1, now)) return;
  if (!connection->doomed.exchange(true)) ++cut_for_strikes_;
}

ConnectionCounts Connections::counts() const {
  ConnectionCounts counts;
  {
    MutexLock lock(&mutex_);
    counts.open = open_;
  }
  counts.refused = refused_;
  counts.cut = cut_;
  counts.cut_for_strikes = cut_for_strikes_;
  return counts;
}

Connections& AllConnections() {
  static Connections& connections = *new Connections();
  return connections;
}

}  // namespace assay::guard
