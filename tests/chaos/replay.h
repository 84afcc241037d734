// Plays episodes through one stream of the client library and keeps the bytes of every answer, so
// that a run in trouble can be compared with a quiet one.
#ifndef ASSAY_TESTS_CHAOS_REPLAY_H_
#define ASSAY_TESTS_CHAOS_REPLAY_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "assay/client.h"
#include "assay/v1/episode.pb.h"

namespace assay::chaos {

// A game that every evaluator of these tests plays: v of a coalition, alike for all episodes.
double TeamValue(const std::vector<int>& agents);
// An EvaluateFn that answers coalitions by TeamValue.
absl::StatusOr<v1::Answers> AnswerByTeamValue(const v1::Episode& episode,
                                              const v1::EvaluateRequest& request);

struct Workload {
  std::string name;
  client::StreamConfig config;
  std::vector<v1::Episode> episodes;
};

struct Replayed {
  // By "episode ID" and "group ID".
  std::map<std::string, std::string> answers;
  // Answers that may be asked for again as they are (UNAVAILABLE, DEADLINE_EXCEEDED), and were.
  int64_t asked_again = 0;
};

// A client whose connection nobody shares.
std::unique_ptr<client::SignalClient> ConnectAlone(const std::string& address);

// All episodes of `workload`, `pause` between one and the next. An error: the stream ended, an
// episode was answered twice or not at all, or failed in a way that is no trouble of the network.
absl::StatusOr<Replayed> Replay(client::SignalClient* client, const Workload& workload,
                                absl::Duration pause = absl::ZeroDuration());

// The keys whose bytes differ, or that only one of the two has.
std::vector<std::string> Differences(const Replayed& a, const Replayed& b);

}  // namespace assay::chaos

#endif  // ASSAY_TESTS_CHAOS_REPLAY_H_
