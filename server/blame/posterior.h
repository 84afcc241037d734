#ifndef ASSAY_SERVER_BLAME_POSTERIOR_H_
#define ASSAY_SERVER_BLAME_POSTERIOR_H_

#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "server/blame/chain.h"

// Who broke the episode: the posterior of first error, decisive error and repairs from any mix of
// evidence (design: signals.md, section 5).
namespace assay::blame {

inline constexpr int kNobody = -1;  // the author of context

enum class Outcome {
  kFailure,  // the final node is exactly Low
  kSuccess,  // the final node is exactly High
  kOpen,     // cut off by a limit: nothing is known of the final node, nothing is claimed
};

// The strongest kind of evidence that the posterior rests on, in ascending order.
enum class Tier { kNone, kText, kScores, kRollouts, kAnnotation };

// Which error is called THE first.
enum class ErrorDefinition {
  // The earliest message after which success was no longer likely, repaired later or not.
  kStaysUnlikely,
  // The earliest whose correction alone turns the outcome: High -> Low, and never back. An error
  // that was repaired later does not count: correcting it leaves the later one.
  kCorrectionFlips,
  // The earliest message that is itself wrong, whatever became of it: there is no way back from
  // "something was wrong", and rollouts and corrections say nothing about a message as such.
  kIncorrectStep,
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

// Rollouts of the episode with one message replaced by a correct one: the state before it, seen
// past it. Only together with rollouts of node message + 1 (the same place without the correction)
// do they speak of an error: a paired difference, never one lucky rollout.
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
};

inline constexpr size_t kMaxRates = 64;

// The numbers of the model. FitParameters (em.h) fits them from episodes, but for the grids, the
// base rate and the correlation of judges, which no unlabelled episode can tell.
struct Parameters {
  double start_high = 0.97;        // P(High at node 0), in (0, 1)
  double error_rate = 1.3;         // expected errors an episode, > 0
  double repair_rate = 1.0;        // expected repairs in an episode that is Low throughout, > 0
  double propagated_share = 0.63;  // w: share of messages after an error that also look wrong
  double base_rate = 0.5;          // b in (0, 1): rate of errors for which scores are calibrated
  double judge_correlation = 0.5;  // J judges count as J / (1 + (J - 1) correlation), in [0, 1]
  std::vector<double> high_rates = {.35, .45, .55, .65, .75, .85, .95};  // at most kMaxRates
  std::vector<double> low_rates = {.005, .01, .02, .05, .1, .2, .3};
  std::vector<double> high_weights = {};  // one a rate, in (0, 1], sum 1; empty: equal
  std::vector<double> low_weights = {};
  // Share of nodes, in [0, 1], whose rate is that of their episode: one High and one Low rate, each
  // drawn by the weights. All others draw their own, as all do where it is 0. The posterior is then
  // the mixture over all pairs of rates; taken for 0 where they are too many (CanShareLevels).
  double shared_level = 0;
};

inline constexpr int kMaxSharedMessages = 1024;

// Whether the pairs of rates of so many messages can be gone through, `times` over: within about a
// second, and kMaxSharedMessages.
bool CanShareLevels(size_t messages, const Parameters& parameters, size_t times = 1);

// One hypothesis about the rates of an episode, by their places in the grids; kNoLevel: none.
inline constexpr int kNoLevel = -1;
struct RateLevel {
  int high = kNoLevel;
  int low = kNoLevel;
  double log_weight = 0;
};

// What the posterior of this evidence is a mixture of: one RateLevel of kNoLevel where nothing is
// shared.
std::vector<RateLevel> Levels(const Evidence& evidence, const Parameters& parameters);

struct PosteriorOptions {
  ErrorDefinition definition = ErrorDefinition::kStaysUnlikely;
  double confidence = 0.5;  // (0, 1]: what a claim needs
  double credible = 0.8;    // (0, 1]: mass of the credible set
};

struct Posterior {
  std::vector<double> first;     // T; 0 on context. sum first + none = 1
  std::vector<double> decisive;  // T
  std::vector<double> repair;    // T: P(Low -> High)
  std::vector<double> error;     // T: P(High -> Low)
  double none = 0;               // no message is the first error
  std::vector<double> high;      // T + 1: P(High at node j)
  std::vector<double> value;     // T + 1: E[V_j] in [low, high]; the last is the score

  std::vector<double> log_ratio;    // T: lambda, the judges' log-odds of an error, tempered
  std::vector<double> prior;        // T: pi, sums to 1 over agents' messages
  std::vector<double> agent_first;  // agents: mass of first over an agent's messages

  int likeliest_first = -1;     // -1: no message has any mass
  int likeliest_decisive = -1;  // likewise
  int likeliest_agent = -1;     // likewise
  // T: something speaks against the message itself: rollouts or statements of the caller anywhere,
  // a positive log_ratio, or a text prior above the average. What is left over when all others were
  // judged good is no suspect: a failure without any error signal has no located error.
  std::vector<bool> suspect;
  // Claims: the likeliest where it is a suspect and passes the confidence. A success claims only on
  // rollouts or statements of the caller, an open outcome nothing.
  std::optional<int> claimed_first;
  std::optional<int> claimed_decisive;
  // Smallest set of messages with `credible` of the mass of first, ascending.
  std::vector<int> credible_set;
  Tier tier = Tier::kNone;
  bool rolled_out = false;  // `value` rests on rollouts or prefix values
  double log_evidence = 0;  // log-likelihood of the episode under the parameters
};

// INVALID_ARGUMENT with the path of the first field that breaks its range or shape.
absl::Status Validate(const Evidence& evidence);
absl::Status Validate(const Parameters& parameters);

// Requires Validate(evidence).ok(). O(T + scores + rollouts), and O(T log T) for the credible set.
Posterior ComputePosterior(const Evidence& evidence, const Parameters& parameters = {},
                           const PosteriorOptions& options = {});

// The same under the condition that the first error (by the definition) is `message`: one component
// of the mixture of which ComputePosterior is the whole. Nothing else of the evidence changes.
Posterior ConditionOnFirst(const Evidence& evidence, int message, const Parameters& parameters = {},
                           const PosteriorOptions& options = {});

// Per message lambda (0 where nobody scored): logit(1 - p) - logit(b) with p = (1 + q) / 2 clipped
// to [.02, .98], added over the J judges of a message and divided by 1 + (J - 1) correlation.
std::vector<double> ErrorLogRatios(const std::vector<Score>& scores, int messages,
                                   const Parameters& parameters);

// The chain of ComputePosterior, for those who fit parameters. `prior` sums to 1 (NormalisedPrior).
Chain BuildChain(const Evidence& evidence, const std::vector<double>& prior,
                 const std::vector<double>& log_ratio, const Parameters& parameters,
                 ErrorDefinition definition, const RateLevel& level = {});
std::vector<double> NormalisedPrior(const Evidence& evidence);

// What is the same success rate for nodes of one kind, High or Low: a mixture over a grid.
class RateGrid {
 public:
  // Rates are multiplied by `factor`. `weights` empty: equal.
  RateGrid(const std::vector<double>& rates, const std::vector<double>& weights, double factor);

  // log of the mixture of h^s (1 - h)^(k - s); 0 where k = 0.
  double LogLikelihood(const Rollouts& rollouts) const;
  // Posterior weight of each rate given the rollouts; sums to 1.
  std::vector<double> Responsibilities(const Rollouts& rollouts) const;
  double PosteriorMean(const Rollouts& rollouts) const;

 private:
  double LogWeight(const Rollouts& rollouts, size_t i) const;

  std::vector<double> rates_, log_success_, log_failure_, log_weight_;
};

struct RateGrids {
  RateGrids(const Evidence& evidence, const Parameters& parameters, const RateLevel& level = {});
  RateGrid high, low;
};

// pi_t proportional to (0.05 + max(0, -phi_a)/range) / T_a: those with negative credit are
// suspects. `credit` has one Shapley value an agent, `range` > 0.
std::vector<double> CreditPrior(const std::vector<int>& authors, const std::vector<double>& credit,
                                double range);

}  // namespace assay::blame

#endif  // ASSAY_SERVER_BLAME_POSTERIOR_H_
