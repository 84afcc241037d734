// Every limit of the server in one place; signal_service.proto explains each one that goes on the
// wire.
#ifndef ASSAY_SERVER_WIRE_LIMITS_H_
#define ASSAY_SERVER_WIRE_LIMITS_H_

#include <algorithm>
#include <cstdint>

#include "absl/time/time.h"
#include "assay/v1/signal_service.pb.h"

namespace assay::service {

// A bound that fills again by itself: `burst` may happen at once, and then `per_second`.
struct Rate {
  double burst;
  double per_second;
};

// Limits of connections to the gRPC ports. No client of good will comes near them; whoever goes
// beyond is refused or cut off (server/guard). A peer is one network (NetworkOf).
struct ConnectionLimits {
  // How many may be open at once; one more is closed when it is accepted. One peer may have half.
  int32_t max_connections = 8'192;
  // New connections of one peer, and how many of them a connection that is cut off counts for.
  Rate peer_arrivals = {2'048, 200};
  double arrivals_of_a_cut = 50;
  // How many peers have a count of new connections of their own; all others share one.
  int32_t max_peers = 4'096;

  // All that follow are of one connection. Calls to no known method, or without a valid token.
  Rate refused_calls = {100, 20};
  // Frames of HTTP/2. Idle are those that carry no data or very little, and those of unknown type.
  Rate resets = {500, 200};
  Rate settings = {50, 1};
  Rate pings = {1'000, 500};
  Rate idle_frames = {100'000, 50'000};
  // One block of header fields: its bytes, and its CONTINUATION frames. gRPC takes 8 KiB of fields.
  int32_t max_header_block_bytes = 64 << 10;
  int32_t max_continuations = 32;
  Rate header_bytes = {16 << 20, 8 << 20};
  // Of a connection of which no call was let in yet; data counts from its first refused call on.
  Rate stranger_calls = {1'000, 200};
  Rate stranger_header_bytes = {1 << 20, 256 << 10};
  Rate stranger_data_bytes = {512 << 10, 64 << 10};

  int32_t max_connections_per_peer() const { return std::max(1, max_connections / 2); }
  v1::ConnectionLimits ToWire() const;
};

// Limits of connections to an HTTP port.
struct HttpLimits {
  // How many are held at once; more wait in the system's queue. One peer may have half.
  int32_t max_connections = 1'024;
  // How many are served at once; more wait up to `patience`. One peer may have three quarters.
  int32_t max_served = 60;
  absl::Duration patience = absl::Seconds(10);
  // How long the head of a connection's first request may take to arrive, and how large it may be.
  absl::Duration head_time = absl::Seconds(10);
  int32_t max_head_bytes = 16 << 10;

  int32_t max_connections_per_peer() const { return std::max(1, max_connections / 2); }
  int32_t max_served_per_peer() const { return std::max(1, max_served * 3 / 4); }
  v1::HttpLimits ToWire() const;
};

// Limits of the metrics port, where a scrape takes milliseconds, and few come at once.
inline constexpr HttpLimits kMetricsLimits = {256, 7, absl::Seconds(5), absl::Seconds(5), 16 << 10};

struct Limits {
  int32_t max_agents = 64;
  int32_t max_messages = 65'536;
  int64_t max_episode_bytes = int64_t{32} << 20;
  int32_t max_table_agents = 20;
  int32_t max_group_size = 1'024;
  int32_t max_open_groups = 256;
  int32_t max_outstanding_questions = 10'000;
  int32_t max_id_bytes = 256;
  // Above max_episode_bytes, so that a large episode gets an error and does not end its stream.
  int64_t max_transport_bytes = int64_t{64} << 20;
  int32_t max_episodes_per_call = 4'096;
  // The search for an error plans batches in proportion to this budget before anybody is asked, and
  // log-likelihoods of more rollouts would lose digits.
  int32_t max_rollouts = 1'000'000;

  // How long a unary request, or the body of a request by HTTP, may take to arrive.
  absl::Duration request_time = absl::Seconds(60);

  ConnectionLimits connections;
  HttpLimits http;

  // What each message and agent of an episode takes in memory beside its text: in the parsed form,
  // the plan and the answer.
  static constexpr int64_t kPartBytes = 1'024;
  // The memory that the largest episode takes.
  int64_t max_episode_memory() const {
    return max_episode_bytes + kPartBytes * (int64_t{max_messages} + max_agents);
  }

  // The most memory that one request may take once it is parsed, as MemoryOnceParsed counts it. A
  // batch of ordinary episodes takes half of it.
  int64_t max_parsed_bytes() const {
    return max_transport_bytes + kPartBytes * (int64_t{max_messages} + max_agents);
  }

  v1::Limits ToWire() const;
};

}  // namespace assay::service

#endif  // ASSAY_SERVER_WIRE_LIMITS_H_
