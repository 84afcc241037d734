// Vote replay: the free evaluator that needs only the transcript (proto/signals.md#vote-replay).
// v(S) is the grade of the answer that the ballots of S elect by plurality.
#ifndef ASSAY_SERVER_EVALUATION_EVALUATORS_VOTE_REPLAY_H_
#define ASSAY_SERVER_EVALUATION_EVALUATORS_VOTE_REPLAY_H_

#include <cstdint>
#include <memory>

#include "server/evaluation/evaluator.h"
#include "server/grading/grader.h"

namespace assay::evaluation {

enum class Ballots : uint8_t {
  kLast,       // the member's last message that has an answer
  kFirst,      // its first message: a true counterfactual of a one-round vote
  kLastRound,  // its last one with an answer in the highest round in which an agent spoke
};

struct VoteOptions {
  Ballots ballots = Ballots::kLast;
  bool empty_ballots = false;  // a message without an answer votes for "none", which is never right
  grading::GraderKind grader = grading::GraderKind::kExact;
  double tolerance = 0;  // kNumber: |answer - reference| <= tolerance is right
};

// Answers coalition, messages, prefix, message-score (+1 right, -1 wrong, NaN: no answer, or one
// that cannot be read: it votes for itself, and is never right) and all-coalitions questions, and
// grades every answer. A tie of k answers that contains the right one is worth low + range/k; no
// ballots at all, low. An answer that is blank once normalised counts as none (not with
// kIdentical). `messages` questions keep the episode's highest round, `prefix` questions use the
// prefix's own. Prepare is O(content of answers); a coalition question O(distinct ballots), the
// others O(messages), all coalitions O(2^n).
// Of a group it answers team and all-teams questions, in O(members agents (agents + different
// ballots)) together. FAILED_PRECONDITION: the episode has no reference answer to grade against, or
// those of a group differ.
std::shared_ptr<LocalEvaluator> MakeVoteReplay(const VoteOptions& options);

}  // namespace assay::evaluation

#endif  // ASSAY_SERVER_EVALUATION_EVALUATORS_VOTE_REPLAY_H_
