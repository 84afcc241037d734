#ifndef ASSAY_SERVER_BLAME_PAIRS_PAIRS_H_
#define ASSAY_SERVER_BLAME_PAIRS_PAIRS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/blame/labels.h"
#include "server/blame/posterior.h"

// Preferences (proto/signals.md). A pair is (context, chosen, rejected, kind, weight); both
// sides continue the same context, byte for byte, and no side is invented.
namespace assay::blame {

enum class PairKind : uint8_t {
  kStep,        // at a located error: a better alternative over the message (Step-DPO)
  kRepair,      // at a repair: the message over an alternative that stayed Low
  kSibling,     // where two episodes part: the better branch's message over the worse one's
  kSuffix,      // the same place: the rest of the better episode over the rest of the worse (IPR)
  kTrajectory,  // the better episode over the worse one (ETO)
  kOneSided,    // one message, desirable or undesirable (KTO)
  kPeer,        // messages of one agent in several episodes, after the same context
};

// Messages [begin, end) of an episode, or an alternative to message `begin`.
struct PairSide {
  int episode = 0;  // index into the group; 0 for pairs within one episode
  int begin = 0;
  int end = 0;
  std::optional<int> alternative = std::nullopt;
};

struct Pair {
  PairKind kind = PairKind::kStep;
  int context_episode = 0;
  int context_length = 0;  // the first messages of that episode, which both sides continue
  std::optional<PairSide> chosen = std::nullopt;  // kOneSided: exactly one of the two
  std::optional<PairSide> rejected = std::nullopt;
  double weight = 0;  // (0, 1]: probability of the place; its complement is a label smoothing
};

// Another message that could have stood in the same place.
struct Alternative {
  absl::string_view content;
  std::optional<double> value;  // in the value range; unset where nobody evaluated it
};

struct PairOptions {
  std::vector<PairKind> kinds;  // empty: all
  double margin = 0;            // by how much the chosen side must be worth more; unit of the value
  double success_threshold = 0.5;
  int max_pairs = 4096;  // of one kind; those with the largest gap stay
  bool Wants(PairKind kind) const;
};

// kStep, kRepair and kOneSided of one episode, in message order. `contents`, `rewards` have one
// entry a message, `alternatives` too or none at all. O(T + alternatives).
std::vector<Pair> EpisodePairs(const Evidence& evidence, const Posterior& posterior,
                               const std::vector<Label>& labels, const std::vector<double>& rewards,
                               absl::Span<const absl::string_view> contents,
                               absl::Span<const std::vector<Alternative>> alternatives,
                               const PairOptions& options);

// A message as siblings compare it: equal bytes in both fields is the same message.
struct GroupTurn {
  absl::string_view agent;    // id; empty: context
  absl::string_view content;  // or a digest of it without collisions
};

struct GroupEpisode {
  absl::string_view task;  // or its digest; only episodes of one task are compared
  double score = 0;        // y
  std::vector<GroupTurn> turns;
};

// kSibling, kSuffix and kTrajectory pairs of a group. The episodes form a tree of common prefixes.
// Where messages of one agent part, a branch is worth the mean score of the episodes through it:
// one kSibling pair for each two branches whose means differ by more than the margin, so that two
// texts are never preferred both ways. kSuffix and kTrajectory compare single episodes. Where the
// episodes part in context, or by different agents speaking, nothing is compared.
// The weight of a kSibling is the probability that its branch is the better one, by Beta(1, 1)
// posteriors of both; those of the others are 1: the outcomes are facts.
// Ordered by kind, then descending gap, then episode. O(messages + pairs log pairs).
std::vector<Pair> GroupPairs(absl::Span<const GroupEpisode> episodes, double low, double high,
                             const PairOptions& options);

}  // namespace assay::blame

#endif  // ASSAY_SERVER_BLAME_PAIRS_PAIRS_H_
