#include "server/wire/limits.h"

#include "server/base/json_shape.h"

namespace assay::service {
namespace {

void Set(const Rate& rate, v1::Rate* wire) {
  wire->set_burst(rate.burst);
  wire->set_per_second(rate.per_second);
}

}  // namespace

v1::ConnectionLimits ConnectionLimits::ToWire() const {
  v1::ConnectionLimits wire;
  wire.set_max_connections(max_connections);
  wire.set_max_connections_per_peer(max_connections_per_peer());
  Set(peer_arrivals, wire.mutable_peer_arrivals());
  wire.set_arrivals_of_a_cut(arrivals_of_a_cut);
  Set(refused_calls, wire.mutable_refused_calls());
  Set(resets, wire.mutable_resets());
  Set(settings, wire.mutable_settings());
  Set(pings, wire.mutable_pings());
  Set(idle_frames, wire.mutable_idle_frames());
  wire.set_max_header_block_bytes(max_header_block_bytes);
  wire.set_max_continuations(max_continuations);
  Set(header_bytes, wire.mutable_header_bytes());
  Set(stranger_calls, wire.mutable_stranger_calls());
  Set(stranger_header_bytes, wire.mutable_stranger_header_bytes());
  Set(stranger_data_bytes, wire.mutable_stranger_data_bytes());
  return wire;
}

v1::HttpLimits HttpLimits::ToWire() const {
  v1::HttpLimits wire;
  wire.set_max_connections(max_connections);
  wire.set_max_connections_per_peer(max_connections_per_peer());
  wire.set_max_served(max_served);
  wire.set_max_served_per_peer(max_served_per_peer());
  wire.mutable_patience()->set_seconds(absl::ToInt64Seconds(patience));
  wire.mutable_head_time()->set_seconds(absl::ToInt64Seconds(head_time));
  wire.set_max_head_bytes(max_head_bytes);
  wire.set_max_json_depth(kMaxJsonDepth);
  return wire;
}

v1::Limits Limits::ToWire() const {
  v1::Limits wire;
  wire.set_max_agents(max_agents);
  wire.set_max_messages(max_messages);
  wire.set_max_episode_bytes(max_episode_bytes);
  wire.set_max_table_agents(max_table_agents);
  wire.set_max_group_size(max_group_size);
  wire.set_max_open_groups(max_open_groups);
  wire.set_max_outstanding_questions(max_outstanding_questions);
  wire.set_max_id_bytes(max_id_bytes);
  wire.set_max_transport_bytes(max_transport_bytes);
  wire.set_max_episodes_per_call(max_episodes_per_call);
  wire.set_max_rollouts(max_rollouts);
  wire.set_max_parsed_bytes(max_parsed_bytes());
  wire.mutable_request_time()->set_seconds(absl::ToInt64Seconds(request_time));
  *wire.mutable_connections() = connections.ToWire();
  *wire.mutable_http() = http.ToWire();
  return wire;
}

}  // namespace assay::service
