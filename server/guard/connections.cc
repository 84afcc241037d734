#include "server/guard/connections.h"

#include "server/base/peer.h"

namespace assay::guard {
namespace {

// Of a client that speaks HTTP/2 in plaintext: its preface. Of TLS: a handshake record.
constexpr char kPlaintextStart = 'P';

// Long enough for every allowance to be full again.
constexpr std::chrono::seconds kForget{60};
constexpr char kOthers[] = "others";
constexpr char kUnix[] = "unix";

constexpr std::array<absl::string_view, kRefusals> kRefusalLabels = {
    "connections", "peer_connections", "peer_arrivals", "descriptors"};

}  // namespace

absl::string_view RefusalLabel(Refusal refusal) {
  return kRefusalLabels[static_cast<size_t>(refusal)];
}

Cause Connection::Take(absl::string_view bytes, FrameGuard::Time now) {
  if (doomed_.load(std::memory_order_relaxed)) return Cause::kRefusedCalls;
  if (bytes.empty() || kind_ == Kind::kEncrypted) return Cause::kNone;
  if (kind_ == Kind::kUnknown) {
    kind_ = bytes[0] == kPlaintextStart ? Kind::kPlaintext : Kind::kEncrypted;
    return Take(bytes, now);
  }
  frames_.Take(bytes, now, standing());
  return frames_.cause();
}

void Connections::set_limits(const service::ConnectionLimits& limits) {
  MutexLock lock(&mutex_);
  limits_ = limits;
}

service::ConnectionLimits Connections::limits() const {
  MutexLock lock(&mutex_);
  return limits_;
}

std::string Connections::NameOf(const std::string& network, FrameGuard::Time now) {
  if (networks_.contains(network)) return network;
  const auto most = static_cast<size_t>(limits_.max_peers);
  if (networks_.size() >= most) {
    absl::erase_if(networks_, [now](const auto& entry) {
      return entry.second->open == 0 && now - entry.second->last > kForget;
    });
  }
  std::string name = networks_.size() >= most ? kOthers : network;
  std::unique_ptr<Network>& entry = networks_[name];
  if (entry == nullptr) entry = std::make_unique<Network>(limits_);
  return name;
}

std::shared_ptr<Connection> Connections::Open(const std::string& peer, FrameGuard::Time now) {
  MutexLock lock(&mutex_);
  const std::string name = NameOf(NetworkOf(peer), now);
  Network* const from = networks_.at(name).get();
  const bool local = name == kUnix;  // whoever may open the socket
  from->last = now;
  const auto refuse = [this](Refusal refusal) {
    CountRefused(refusal);
    return nullptr;
  };
  if (open_ >= limits_.max_connections) return refuse(Refusal::kConnections);
  if (!local && from->open >= limits_.max_connections_per_peer()) {
    return refuse(Refusal::kPeerConnections);
  }
  if (!local && !from->arrivals.Take(1, now)) return refuse(Refusal::kPeerArrivals);
  ++open_;
  ++from->open;
  auto connection = std::make_shared<Connection>(peer, name, limits_);
  if (local) {
    // All who come by a Unix socket have one name, by which nobody could be let in later.
    connection->standing_ = Standing::kLetIn;
  } else {
    peers_[peer] = connection;
  }
  return connection;
}

void Connections::Close(const Connection& connection) {
  MutexLock lock(&mutex_);
  --open_;
  --networks_.at(connection.network())->open;
  const auto peer = peers_.find(connection.peer());
  if (peer != peers_.end() && peer->second.lock().get() == &connection) peers_.erase(peer);
}

void Connections::CutOff(Connection& connection, Cause cause, FrameGuard::Time now) {
  if (connection.cut_.exchange(true)) return;
  ++cut_[static_cast<size_t>(cause)];
  MutexLock lock(&mutex_);
  const auto found = networks_.find(connection.network());
  if (found != networks_.end()) found->second->arrivals.Take(limits_.arrivals_of_a_cut, now);
}

void Connections::LetIn(const std::string& peer) {
  MutexLock lock(&mutex_);
  const auto found = peers_.find(peer);
  if (found == peers_.end()) return;
  if (const auto connection = found->second.lock()) connection->standing_ = Standing::kLetIn;
}

void Connections::RefusedCall(const std::string& peer, FrameGuard::Time now) {
  MutexLock lock(&mutex_);
  const auto found = peers_.find(peer);
  if (found == peers_.end()) return;
  const auto connection = found->second.lock();
  if (connection == nullptr) return;
  auto unknown = Standing::kUnknown;
  connection->standing_.compare_exchange_strong(unknown, Standing::kRefused);
  if (!connection->refused_calls_.Take(1, now)) connection->doomed_ = true;
}

ConnectionCounts Connections::counts() const {
  ConnectionCounts counts;
  {
    MutexLock lock(&mutex_);
    counts.open = open_;
  }
  for (size_t i = 0; i < refused_.size(); ++i) counts.refused[i] = refused_[i];
  for (size_t i = 0; i < cut_.size(); ++i) counts.cut[i] = cut_[i];
  return counts;
}

Connections& AllConnections() {
  static Connections& connections = *new Connections();
  return connections;
}

}  // namespace assay::guard
