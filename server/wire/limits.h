// Every limit of the wire in one place. A violated one is OUT_OF_RANGE with the field's path.
#ifndef ASSAY_SERVER_WIRE_LIMITS_H_
#define ASSAY_SERVER_WIRE_LIMITS_H_

#include <cstdint>

#include "absl/time/time.h"
#include "assay/v1/signal_service.pb.h"

namespace assay::service {

struct Limits {
  int32_t max_agents = 64;
  int32_t max_messages = 65'536;
  int64_t max_episode_bytes = int64_t{32} << 20;
  int32_t max_table_agents = 20;
  int32_t max_group_size = 1'024;
  int32_t max_open_groups = 256;
  int32_t max_outstanding_questions = 10'000;
  int32_t max_id_bytes = 256;
  // Above max_episode_bytes, so that a large episode is an item's error and not the stream's end.
  int64_t max_transport_bytes = int64_t{64} << 20;
  int32_t max_episodes_per_call = 4'096;
  // The search for an error plans batches in proportion to this budget before anybody is asked, and
  // log-likelihoods of more rollouts would lose digits.
  int32_t max_rollouts = 1'000'000;

  // For a unary request to arrive in full.
  absl::Duration request_time = absl::Seconds(60);

  // What each message and agent of an episode takes in memory beside its text: in the parsed form,
  // the plan and the answer.
  static constexpr int64_t kPartBytes = 1'024;
  // Memory of the largest episode.
  int64_t max_episode_memory() const {
    return max_episode_bytes + kPartBytes * (int64_t{max_messages} + max_agents);
  }

  // Memory of one message of the transport once it is parsed, as MemoryOnceParsed counts it: a
  // batch of ordinary episodes takes half of it.
  int64_t max_parsed_bytes() const {
    return max_transport_bytes + kPartBytes * (int64_t{max_messages} + max_agents);
  }

  v1::Limits ToWire() const {
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
    return wire;
  }
};

}  // namespace assay::service

#endif  // ASSAY_SERVER_WIRE_LIMITS_H_
