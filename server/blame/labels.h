#ifndef ASSAY_SERVER_BLAME_LABELS_H_
#define ASSAY_SERVER_BLAME_LABELS_H_

#include <optional>
#include <vector>

#include "server/blame/posterior.h"

namespace assay::blame {

// What a message did to the episode (proto/signals.md, "Labels"). On context: kNeutral.
enum class Label {
  kUnspecified,     // not labelled yet
  kSound,           // High before and after
  kFirstError,      // the claimed first error
  kError,           // any other error, the decisive one included
  kRepair,          // Low -> High
  kRepairAttempt,   // Low before and after, but it tried: marked by the client, or judged good
  kFailureAligned,  // Low before and after, nothing tried, and evidence against it
  kNeutral,         // nothing can be said
};

// One label a message, O(T). Where nothing is claimed in a failure, all are kNeutral but those with
// error(t) or repair(t) > 1/2; in an open outcome all are. A success has errors only by rollouts,
// annotation or marks; without any such evidence its messages are kSound unless judged negative.
// A message whose answer is wrong or cannot be read is never kSound or kRepair. One whose answer is
// right is kFirstError or kError only where rollouts or statements of the client say so, and never
// kFailureAligned. `posterior` is the one computed from `evidence`.
std::vector<Label> AssignLabels(const Evidence& evidence, const Posterior& posterior);

// Whether the message's answer is right and nothing stronger than scores or texts can speak against
// the message.
bool ProvenRight(const Evidence& evidence, const Posterior& posterior, int message);

// True where AssignLabels located an error or a repair.
bool AnyLocated(const std::vector<Label>& labels);

// q_t: mean of the scores of each of `messages` messages by the judges' weights; nullopt where
// nobody scored it.
std::vector<std::optional<double>> MeanScores(const std::vector<Score>& scores, size_t messages);

}  // namespace assay::blame

#endif  // ASSAY_SERVER_BLAME_LABELS_H_
