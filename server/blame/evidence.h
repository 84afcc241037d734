#ifndef ASSAY_SERVER_BLAME_EVIDENCE_H_
#define ASSAY_SERVER_BLAME_EVIDENCE_H_

#include <optional>
#include <vector>

#include "absl/status/status.h"

// What is known of an episode, and the numbers of the model that reads it (proto/signals.md,
// "Failure").
namespace assay::blame {

inline constexpr int kNobody = -1;  // the author of context

// How an episode ended. Where an agent wrote the last message, the outcome decides the state of the
// final node. Where context follows the last agent's message, chance took part in the end, and the
// outcome counts as one more rollout from the node after that message.
enum class Outcome {
  kFailure,  // the final node is exactly Low
  kSuccess,  // the final node is exactly High
  kOpen,     // a limit cut the episode off: the state of the final node is unknown
};

// Whether the answer that a message states is right, according to the vote's grader.
enum class Grade {
  kNone,  // the message states no answer, or nobody graded it
  kRight,
  kWrong,
  kUnreadable,  // the grader could not read the answer or the reference: not right
};

// How many rollouts were tried and how many of them succeeded; fractions are allowed. No trials
// mean no evidence.
struct Rollouts {
  double successes = 0;  // [0, trials]
  double trials = 0;     // >= 0, finite
};

// A bare prefix value in [low, high] counts as four rollouts.
Rollouts FromPrefixValue(double value, double low, double high);

inline constexpr double kMaxJudgeWeight = 10;

// A judge's opinion of one message.
struct Score {
  int message = 0;
  double value = 0;   // q in [-1, 1]; 0 is no evidence unless a base rate is declared
  double weight = 1;  // > 0: what the judge is worth, by which its log ratio is multiplied
  // b in (0, 1) of this judge; unset: that of the parameters.
  std::optional<double> base_rate = std::nullopt;
};

// Where the prior of the first error comes from.
enum class PriorUsed {
  kFlat,     // uniform shares: nothing is known, or the episode is foreign to all that is
  kCredit,   // the agents' credit
  kStated,   // a fitted prior that is taken everywhere
  kFitted,   // that of a collection has half of the weight at least
  kGeneral,  // the episode is foreign to every collection: what transfers, and uniform shares
};
// Whether the prior was read from texts, which is evidence of tier kText.
inline bool IsFromText(PriorUsed used) { return used >= PriorUsed::kStated; }

// Rollouts that go on after one message was replaced by a correct one. They locate an error only by
// how much better they end than the rollouts from node message + 1, which go on from the same place
// without the correction, because a single rollout may succeed by luck.
struct Correction {
  int message = 0;
  Rollouts rollouts;
};

// The client's statement that `message` repaired the earlier message `repaired`.
struct RepairMark {
  int message = 0;
  int repaired = 0;
};

struct Evidence {
  std::vector<int> authors;  // T: agent in [0, agents), or kNobody
  int agents = 0;
  Outcome outcome = Outcome::kFailure;
  double low = 0;    // the value range
  double high = 1;   // > low
  double score = 0;  // y in [low, high]

  std::vector<Rollouts> nodes;          // T + 1 or empty; the one at node T is ignored
  std::vector<Score> scores;            // any number a message, in any order
  std::vector<Correction> corrections;  // any number a message
  // First error as annotated, by an agent or by context; of several the earliest counts.
  std::vector<int> annotations;
  std::vector<RepairMark> repairs;

  // pi: relative weights >= 0 over messages (context is ignored), T or empty: uniform.
  std::vector<double> prior;
  PriorUsed prior_used = PriorUsed::kFlat;
  // Of a fitted prior, for those who report it: the collection in which the episode is most
  // familiar (-1 for none), and the weight of that collection's prior, in [0, 1].
  int prior_collection = -1;
  double prior_weight = 0;

  std::optional<double> start_value;  // V_0 in [low, high] where it is known: weak policies

  // The grades of the messages' answers: T, or empty where nothing was graded. Labels read them;
  // the posterior does not.
  std::vector<Grade> grades;
  // u_t, the counterfactual credit in the unit of the value: T entries, 0 on context, or empty
  // where nothing counterfactual was asked. Rewards read it; the posterior does not.
  std::vector<double> message_credit;
};

// The grade of the message's answer; kNone where nothing was graded.
Grade GradeOf(const Evidence& evidence, int message);

inline constexpr size_t kMaxRates = 64;

// The parameters of the model. FitParameters (em.h) fits them to episodes, except for the grids of
// rates, the base rate and the correlation of judges, about which unlabelled episodes say nothing.
struct Parameters {
  double start_high = 0.97;  // P(High at node 0), in (0, 1)
  double error_rate = 1.3;   // expected errors an episode, in [1e-4, 1e4]
  double repair_rate = 1.0;  // expected repairs where all is Low, in [1e-4, 1e4]
  // The same of context: tools, users and the environment that make success unlikely, or likely.
  double context_error_rate = 0.3;   // [1e-4, 1e4]
  double context_repair_rate = 0.1;  // [1e-4, 1e4]
  double propagated_share = 0.63;    // w: share of messages after an error that also look wrong
  double base_rate = 0.5;            // b in (0, 1): rate of errors for which scores are calibrated
  double judge_correlation = 0.5;    // J judges count as J / (1 + (J - 1) correlation), in [0, 1]
  std::vector<double> high_rates = {.35, .45, .55, .65, .75, .85, .95};  // at most kMaxRates
  std::vector<double> low_rates = {.005, .01, .02, .05, .1, .2, .3};
  std::vector<double> high_weights = {};  // one a rate, in (0, 1], sum 1; empty: equal
  std::vector<double> low_weights = {};
  // The share of nodes, in [0, 1], whose success rate is that of their episode. An episode draws
  // one High and one Low rate by the weights; every other node draws a rate of its own, as all
  // nodes do where the share is 0. Above 0 the posterior is a mixture over all pairs of rates. It
  // is taken for 0 where there are too many pairs (CanShareLevels).
  double shared_level = 0;
};

// INVALID_ARGUMENT with the path of the first field that breaks its range or shape.
absl::Status Validate(const Evidence& evidence);
absl::Status Validate(const Parameters& parameters);

}  // namespace assay::blame

#endif  // ASSAY_SERVER_BLAME_EVIDENCE_H_
