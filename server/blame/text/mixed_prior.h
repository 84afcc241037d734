#ifndef ASSAY_SERVER_BLAME_TEXT_MIXED_PRIOR_H_
#define ASSAY_SERVER_BLAME_TEXT_MIXED_PRIOR_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/blame/evidence.h"
#include "server/blame/text/text_domain.h"
#include "server/blame/text/text_prior.h"

// A prior that knows its limits: what was fitted on collections of episodes, each within its
// domain; what transfers between collections; and uniform shares where neither is to be trusted.
namespace assay::blame {

// How well a prior told the labelled message of episodes that it was not fitted on.
struct Validation {
  int episodes = 0;  // 0: it was not validated
  // Shares of the episodes, in [0, 1].
  double step_accuracy = 0;   // the likeliest message is the labelled one
  double agent_accuracy = 0;  // the likeliest agent is its author
  double covered = 0;         // the 80 % credible set holds it
  // Log likelihood above that of uniform shares, nats an episode, and its standard error.
  double gain = 0;
  double gain_error = 0;
  int claims = 0;        // messages with half of the mass and more
  int right_claims = 0;  // those that are the labelled one
};

// One collection of labelled episodes, and what was learnt from it.
struct CollectionPrior {
  std::string source;   // its name
  int episodes = 0;     // with a labelled message of an agent
  int environment = 0;  // with a label on context: the environment's fault, and no agent's
  // No features: nothing was learnt that beats uniform shares, and the collection gives no prior.
  TextPrior prior;
  std::optional<TextDomain> domain;  // set where there is a prior
  Validation by_question;            // cross-validated: no episode of a question was fitted on
  Validation left_out;               // of `general` when fitted without this collection
};

inline constexpr size_t kMaxCollections = 256;
inline constexpr size_t kMaxSourceBytes = 256;

struct MixedPrior {
  TextPrior everywhere;  // without a domain: where it has features, there is nothing else
  std::vector<CollectionPrior> collections;
  TextPrior general;         // of TransferFeatureNames(); no features: none
  double general_share = 0;  // of it where no collection is at home, in [0, 1]; the rest is uniform

  bool empty() const;  // it says nothing about any episode
};

// A share of `general` below this is no evidence: it orders messages that nothing else tells apart,
// and changes no share of theirs.
inline constexpr double kLeastShare = 0.01;
// Enough to order them, and no more than a likelihood loses in rounding.
inline constexpr double kOrderingShare = 1e-5;

// INVALID_ARGUMENT with the path of the field that is wrong.
absl::Status Validate(const MixedPrior& prior);

// What a prior has to say of one episode.
struct AppliedPrior {
  std::vector<double> pi;  // one a message, 0 on context, sum 1 (all 0 where no agent spoke)
  // Its parts: pi = fitted_share * fitted + rest. `fitted` is empty where its share is 0.
  std::vector<double> fitted, rest;
  PriorUsed used = PriorUsed::kFlat;  // what has most of the weight, and texts say something
  int collection = -1;                // the most familiar one; -1: none gives a prior
  double familiarity = 0;             // of the episode in it, a conformal p-value in [0, 1]
  double fitted_share = 0;  // weights of the mixture, in [0, 1]; uniform shares have the rest
  double general_share = 0;
};

// Requires Validate(prior).ok(). O(bytes read + T).
AppliedPrior Apply(const MixedPrior& prior, const TextEpisode& episode);

// The weight of a collection's prior for an episode of this familiarity. It is 1 for an episode
// that is no more unusual than nine in ten of the collection's own episodes; for others it falls
// with the sixth power of the familiarity, to 0 far beyond all of them.
double FittedShare(double familiarity);

// Sums up how well predictions told the labelled messages.
class ValidationTally {
 public:
  // Adds an episode for which `pi` was predicted, one share for each message.
  void Add(const LabelledText& episode, const std::vector<double>& pi);
  Validation Result() const;

 private:
  Validation counts_;
  double step_ = 0, agent_ = 0, covered_ = 0, sum_ = 0, squares_ = 0;
};

}  // namespace assay::blame

#endif  // ASSAY_SERVER_BLAME_TEXT_MIXED_PRIOR_H_
