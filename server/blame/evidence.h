#ifndef ASSAY_SERVER_BLAME_EVIDENCE_H_
#define ASSAY_SERVER_BLAME_EVIDENCE_H_

#include <optional>
#include <vector>

#include "absl/status/status.h"

// What is known of an episode, and the numbers of the model that reads it (proto/signals.md,
// "Failure").
namespace assay::blame {

inline constexpr int kNobody = -1;  // the author of context

// Where an agent had the last word the outcome fixes the final node. Where context follows, it is
// one more rollout of the node behind the last agent's message: luck had a say in it.
enum class Outcome {
  kFailure,  // the final node is exactly Low
  kSuccess,  // the final node is exactly High
  kOpen,     // cut off by a limit: nothing is known of the final node, nothing is claimed
};

// Whether the answer that a message states is right, by the grader of the vote.
enum class Grade {
  kNone,  // no answer, or nobody graded it
  kRight,
  kWrong,
  kUnreadable,  // the grader could not read the answer or the reference: not right
};

// Outcomes of rollouts; fractions are allowed. trials == 0 says nothing.
struct Rollouts {
  double successes = 0;  // [0, trials]
  double trials = 0;     // >= 0, finite
};

// A bare prefix value in [low, high] counts as four rollouts.
Rollouts FromPrefixValue(double value, double low, double high);

// A judge's opinion of one message.
struct Score {
  int message = 0;
  double value = 0;  // q in [-1, 1]; 0 is no evidence unless a base rate is declared
};

// Rollouts that go on after one message was replaced by a correct one. One lucky rollout proves
// nothing, so they locate an error only by their difference to the rollouts of node message + 1,
// which go on from the same place without the correction.
struct Correction {
  int message = 0;
  Rollouts rollouts;
};

// The statement of the caller that `message` repaired the earlier message `repaired`.
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
  std::vector<int> annotations;         // first error as annotated; of several the earliest counts
  std::vector<RepairMark> repairs;

  // pi: relative weights >= 0 over messages (context is ignored), T or empty: uniform.
  std::vector<double> prior;
  bool prior_from_text = false;  // the prior was fitted on texts: evidence of tier kText

  std::optional<double> start_value;  // V_0 in [low, high] where it is known: weak policies

  // Of the messages' answers, T or empty: none. The posterior does not read them; labels do.
  std::vector<Grade> grades;
  // u_t: counterfactual credit, in the unit of the value, T (0 on context), or empty: nothing
  // counterfactual was asked. The posterior does not read it; rewards do.
  std::vector<double> message_credit;
};

// kNone where nothing is graded.
Grade GradeOf(const Evidence& evidence, int message);

inline constexpr size_t kMaxRates = 64;

// The numbers of the model. FitParameters (em.h) fits them from episodes, but for the grids, the
// base rate and the correlation of judges, which no unlabelled episode can tell.
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
  // Share of nodes, in [0, 1], whose rate is that of their episode: one High and one Low rate, each
  // drawn by the weights. All others draw their own, as all do where it is 0. The posterior is then
  // the mixture over all pairs of rates; taken for 0 where they are too many (CanShareLevels).
  double shared_level = 0;
};

// INVALID_ARGUMENT with the path of the first field that breaks its range or shape.
absl::Status Validate(const Evidence& evidence);
absl::Status Validate(const Parameters& parameters);

}  // namespace assay::blame

#endif  // ASSAY_SERVER_BLAME_EVIDENCE_H_
