// Vote replay: the free evaluator that needs only the transcript (proto/signals.md#vote-replay).
// v(S) is the grade of the answer that the ballots of S elect by plurality.
#ifndef ASSAY_SERVER_EVALUATION_EVALUATORS_VOTE_REPLAY_H_
#define ASSAY_SERVER_EVALUATION_EVALUATORS_VOTE_REPLAY_H_

#include <cstdint>
#include <memory>

#include "server/evaluation/evaluator.h"

namespace assay::evaluation {

enum class Ballots : uint8_t {
  kLast,       // the member's last message that has an answer
  kFirst,      // its first message: a true counterfactual of a one-round vote
  kLastRound,  // its last one with an answer in the highest round in which an agent spoke
};

enum class Grader : uint8_t {
  kExact,      // equal NormalForm
  kChoice,     // equal ChoiceLetter, or NormalForm where no letter can be read
  kNumber,     // right within a tolerance; wrong answers are told apart exactly
  kIdentical,  // byte for byte: the caller has put answers into classes
};

struct VoteOptions {
  Ballots ballots = Ballots::kLast;
  bool empty_ballots = false;  // a message without an answer votes for "none", which is never right
  Grader grader = Grader::kExact;
  double tolerance = 0;  // kNumber: |answer - reference| <= tolerance is right
};

// Answers coalition, messages, prefix, message-score (+1 right, -1 not right, NaN: no answer) and
// all-coalitions questions, and grades every answer: wrong where the grader could read it and the
// reference, else unreadable. A tie of k answers that contains the right one is worth low +
// range/k; no ballots at all, low. An answer that is blank once normalised counts as none (not with
// kIdentical). `messages` questions keep the episode's highest round, `prefix` questions use the
// prefix's own. Prepare is O(content of answers); a coalition question O(distinct ballots), the
// others O(messages), all coalitions O(2^n).
// FAILED_PRECONDITION: the episode has no reference answer to grade against.
std::shared_ptr<LocalEvaluator> MakeVoteReplay(const VoteOptions& options);

}  // namespace assay::evaluation

#endif  // ASSAY_SERVER_EVALUATION_EVALUATORS_VOTE_REPLAY_H_
