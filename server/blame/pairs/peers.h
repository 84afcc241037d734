// Preferences between peers: messages of one agent in several episodes of a group that were written
// after the same context (proto/signals.md#preferences). No rollout is spent on them.
#ifndef ASSAY_SERVER_BLAME_PAIRS_PEERS_H_
#define ASSAY_SERVER_BLAME_PAIRS_PEERS_H_

#include <optional>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/blame/pairs/pairs.h"

namespace assay::blame {

struct PeerTurn {
  GroupTurn turn;
  int round = 0;  // 0: unknown
  std::optional<double>
      value;             // what the message is worth, in the value range's unit; unset: unknown
  double std_error = 0;  // of it; 0: exact
};

struct PeerEpisode {
  absl::string_view task;  // or its digest; only episodes of one task are compared
  bool parallel = false;   // nobody had read anybody, whatever the rounds say
  std::vector<PeerTurn> turns;
};

// For each turn the number of turns that its author had read when it wrote it, where those are the
// first ones of the episode; -1 where they are not, and for context. Read are context and the
// author's own earlier turns, the turns of lower rounds and, where one of two turns has no round,
// the earlier one. O(turns agents).
std::vector<int> ReadLengths(const PeerEpisode& episode);

// kPeer pairs: at each place (a task, what was read byte for byte, an agent) every message against
// the one that is worth most there, where it is worth less by more than the margin and has another
// text. Of several that are worth most each takes its turn. The weight is the probability that the
// chosen one is worth more: 1 where both values are exact, else of a normal difference.
// Ordered by descending gap, then episode; at most options.max_pairs. O(turns (agents + log
// turns)).
std::vector<Pair> PeerPairs(absl::Span<const PeerEpisode> episodes, double low, double high,
                            const PairOptions& options);

}  // namespace assay::blame

#endif  // ASSAY_SERVER_BLAME_PAIRS_PEERS_H_
