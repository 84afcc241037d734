#ifndef ASSAY_SERVER_BLAME_POSTERIOR_H_
#define ASSAY_SERVER_BLAME_POSTERIOR_H_

#include <optional>
#include <vector>

#include "server/blame/evidence.h"
#include "server/blame/evidence_chain.h"

// Who broke the episode: the posterior of first error, decisive error and repairs from any mix of
// evidence (proto/signals.md, "Failure").
namespace assay::blame {

// The strongest kind of evidence that the posterior rests on, in ascending order.
enum class Tier { kNone, kText, kScores, kRollouts, kAnnotation };

struct PosteriorOptions {
  ErrorDefinition definition = ErrorDefinition::kStaysUnlikely;
  double confidence = 0.5;  // (0, 1]: what a claim needs
  double credible = 0.8;    // (0, 1]: mass of the credible set
};

struct Posterior {
  // Of messages, T, 0 on context. sum first + environment + none = 1.
  std::vector<double> first;
  std::vector<double> decisive;
  std::vector<double> repair;  // P(Low -> High)
  std::vector<double> error;   // P(High -> Low)
  // The probability that context first made success unlikely. In a failure whose last message is
  // context, plus the probability that success was likely to the end and did not come.
  double environment = 0;
  double none = 0;            // nothing was the first error
  std::vector<double> high;   // T + 1: P(High at node j)
  std::vector<double> value;  // T + 1: E[V_j] in [low, high]; the last is the score

  std::vector<double> log_ratio;    // T: lambda, the judges' log-odds of an error, tempered
  std::vector<double> prior;        // T: pi, sums to 1 over agents' messages
  std::vector<double> agent_first;  // agents: mass of first over an agent's messages

  int likeliest_first = -1;     // -1: no message has any mass
  int likeliest_decisive = -1;  // likewise
  int likeliest_agent = -1;     // likewise
  // T: something speaks against the message itself: rollouts or statements of the client anywhere,
  // a positive log_ratio, or a text prior above the average. What is left over when all others were
  // judged good is no suspect: a failure without any error signal has no located error. Nor is one
  // whose answer is right, where only scores or texts speak against it.
  std::vector<bool> suspect;
  // Claims: the likeliest where it is a suspect and passes the confidence. A success claims only on
  // rollouts or statements of the client, an open outcome nothing.
  std::optional<int> claimed_first;
  std::optional<int> claimed_decisive;
  // The message of context that passes the confidence, where scores, rollouts or statements speak.
  std::optional<int> claimed_context;
  // Smallest set of messages with `credible` of the mass of first, ascending.
  std::vector<int> credible_set;
  Tier tier = Tier::kNone;
  bool rolled_out = false;  // `value` rests on rollouts or prefix values
  double log_evidence = 0;  // log-likelihood of the episode under the parameters
};

// Requires Validate(evidence).ok(). O(T + scores + rollouts), and O(T log T) for the credible set.
Posterior ComputePosterior(const Evidence& evidence, const Parameters& parameters = {},
                           const PosteriorOptions& options = {});

// The same under the condition that the first error (by the definition) is `message`: one component
// of the mixture of which ComputePosterior is the whole. Nothing else of the evidence changes.
Posterior ConditionOnFirst(const Evidence& evidence, int message, const Parameters& parameters = {},
                           const PosteriorOptions& options = {});

}  // namespace assay::blame

#endif  // ASSAY_SERVER_BLAME_POSTERIOR_H_
