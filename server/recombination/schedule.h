// Who had read whom: whether the messages of an episode were written in parallel.
#ifndef ASSAY_SERVER_RECOMBINATION_SCHEDULE_H_
#define ASSAY_SERVER_RECOMBINATION_SCHEDULE_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "server/signals/episode.h"

namespace assay::recombination {

// Which messages a team is made of.
enum class Part : uint8_t {
  kAllMessages,    // everything that an agent wrote
  kFirstMessages,  // what it wrote first: the ballots of a vote by first ballots
};

// OK where no agents' message that counts was written after another agent's message was read: what
// an agent wrote then does not depend on the others, and a team of messages of several episodes is
// one that could have been played. A message had read those of lower rounds; where one of two
// messages has no round, the later one had read the earlier.
// FAILED_PRECONDITION names the first message that had read another, and which one. O(messages).
absl::Status CheckParallel(const signals::Episode& episode, Part part);

// OK where all episodes have the same agents, by id and in the same order. FAILED_PRECONDITION
// names two that differ.
absl::Status CheckSameAgents(absl::Span<const signals::Episode* const> episodes);

}  // namespace assay::recombination

#endif  // ASSAY_SERVER_RECOMBINATION_SCHEDULE_H_
