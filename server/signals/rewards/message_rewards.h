// Credit and blame, placed on messages, with the ledger that proves it
// (proto/signals.md#rewards-of-a-success, #failure).
#ifndef ASSAY_SERVER_SIGNALS_REWARDS_MESSAGE_REWARDS_H_
#define ASSAY_SERVER_SIGNALS_REWARDS_MESSAGE_REWARDS_H_

#include <vector>

#include "absl/status/status.h"
#include "server/blame/labels.h"
#include "server/blame/posterior.h"
#include "server/signals/episode.h"
#include "server/signals/options.h"
#include "server/signals/rewards/success.h"
#include "server/signals/signals.h"

namespace assay::signals {

// Everything that the rewards of one episode are made of. All members outlive the calls below.
struct RewardInputs {
  const Episode& episode;
  const Options& options;
  const std::vector<int>& indices;  // of the agents' messages
  const MessageFacts& facts;
  const blame::Evidence& evidence;
  const blame::Posterior& posterior;
  const std::vector<blame::Label>& labels;  // T
  EvidenceKind asked;                       // as in MessageRewardOptions
  bool owen;                                // evidence.message_credit are Owen values
};

// Each function fills the rewards, the agents' totals, the conservation ledger and the evidence
// rows of `signals`, whose messages and agents exist already, the latter with their credit.

// Success with Shapley credit: one projection an agent.
absl::Status RewardByCredit(const RewardInputs& inputs, Signals& signals);

// Success without counterfactuals: one projection of score - low over all messages; the agents'
// credit is the sum of their rewards.
absl::Status RewardByOutcome(const RewardInputs& inputs, Signals& signals);

// Failure: one projection of the shortfall over all messages, less the environment's share.
// FAILED_PRECONDITION (field message_rewards.evidence): the kind asked for is not there.
// OUT_OF_RANGE: soft rewards asked for more messages than they are offered for.
absl::Status RewardByBlame(const RewardInputs& inputs, Signals& signals);

// A failure without counterfactuals: the agents' credit as the sums of a projection of score - low.
// The rewards are blame, which has evidence of its own.
absl::Status CreditByOutcome(const RewardInputs& inputs, Signals& signals);

}  // namespace assay::signals

#endif  // ASSAY_SERVER_SIGNALS_REWARDS_MESSAGE_REWARDS_H_
