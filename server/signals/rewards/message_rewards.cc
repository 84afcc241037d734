#include "server/signals/rewards/message_rewards.h"

#include <cmath>
#include <cstddef>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "server/blame/rewards.h"
#include "server/signals/findings.h"
#include "server/signals/phases/credit_phase.h"
#include "server/signals/rewards/allocation.h"

namespace assay::signals {
namespace {

using Few = absl::InlinedVector<int, 8>;

// Positions into RewardInputs::indices (and Signals::messages) of each agent's messages.
std::vector<Few> PositionsByAgent(const RewardInputs& inputs) {
  std::vector<Few> positions(inputs.episode.agents.size());
  for (size_t p = 0; p < inputs.indices.size(); ++p) {
    positions[inputs.episode.messages[inputs.indices[p]].agent].push_back(static_cast<int>(p));
  }
  return positions;
}

Few MessagesAt(const RewardInputs& inputs, const Few& positions) {
  Few indices;
  indices.reserve(positions.size());
  for (int p : positions) indices.push_back(inputs.indices[p]);
  return indices;
}

void RecordClaim(const Claim& claim, MessageAudit& row) {
  row.raw_reward = claim.raw_reward;
  row.weight = claim.weight;
  row.low = claim.low;
  row.high = claim.high;
}

// Measured from the rewards as they stand, not from what the projection promised.
void CloseLedger(const RewardInputs& inputs, double target, double unallocated, Signals& signals) {
  Conservation& ledger = signals.conservation;
  ledger.target = target;
  ledger.unallocated = unallocated;
  ledger.allocated = 0;
  for (const MessageSignal& message : signals.messages) {
    ledger.allocated += message.reward;
    signals.agents[inputs.episode.messages[message.index].agent].reward_total += message.reward;
  }
  ledger.error = std::abs(target - ledger.allocated - unallocated);
}

// Of one allocation to all messages; closes the ledger.
void RecordRewards(const RewardInputs& inputs, const std::vector<Claim>& claims,
                   const Allocation& allocation, double target, Signals& signals) {
  for (size_t p = 0; p < claims.size(); ++p) {
    signals.messages[p].reward = DropDust(allocation.rewards[p], inputs.options.range);
    RecordClaim(claims[p], signals.message_audits[p]);
    if (allocation.signs_relaxed) {
      signals.agents[inputs.episode.messages[inputs.indices[p]].agent].signs_relaxed = true;
    }
  }
  signals.conservation.signs_relaxed = allocation.signs_relaxed;
  CloseLedger(inputs, target, allocation.unallocated, signals);
}

absl::StatusOr<Allocation> AllocateOutcome(const RewardInputs& inputs, double total,
                                           EvidenceKind asked, std::vector<Claim>& claims,
                                           EvidenceKind& used) {
  absl::StatusOr<EvidenceKind> kind = ChooseEvidenceKind(inputs.episode, inputs.facts, asked);
  if (!kind.ok()) return kind.status();
  used = *kind;
  claims = SuccessClaims(inputs.episode, inputs.facts, inputs.indices, used, total, inputs.options);
  return Allocate(claims, total, inputs.options.reward_bound, WhenInfeasible::kRelaxSigns);
}

std::vector<Claim> ClaimsOf(const RewardInputs& inputs, const blame::RewardProblem& problem) {
  std::vector<Claim> claims;
  claims.reserve(inputs.indices.size());
  for (int t : inputs.indices) {
    claims.push_back({problem.raw_reward[t], problem.weight[t], problem.low[t], problem.high[t]});
  }
  return claims;
}

absl::StatusOr<Allocation> AllocateBlame(const RewardInputs& inputs,
                                         const blame::RewardProblem& problem,
                                         std::vector<Claim>& claims) {
  claims = ClaimsOf(inputs, problem);
  absl::StatusOr<Allocation> allocation =
      Allocate(claims, problem.placed, inputs.options.reward_bound, WhenInfeasible::kLeaveOver);
  if (!allocation.ok()) return allocation;
  allocation->unallocated += problem.target - problem.placed;  // the environment's
  allocation->signs_relaxed = problem.signs_relaxed;
  return allocation;
}

// What is left of 1 after the probabilities of the others is rounding: it must not say that signs
// were given up.
constexpr double kNoChance = 1e-12;

// A mixture of conserving, bounded vectors is conserving and bounded.
absl::StatusOr<Allocation> AllocateSoftly(const RewardInputs& inputs,
                                          const blame::RewardOptions& options,
                                          const blame::Parameters& parameters,
                                          const blame::PosteriorOptions& posterior_options) {
  Allocation mixture;
  mixture.rewards.assign(inputs.indices.size(), 0.0);
  for (const blame::WeightedProblem& component : blame::SoftFailureRewards(
           inputs.evidence, parameters, posterior_options, inputs.facts.redundancy, options)) {
    std::vector<Claim> claims;
    absl::StatusOr<Allocation> part = AllocateBlame(inputs, component.problem, claims);
    if (!part.ok()) return part.status();
    for (size_t p = 0; p < mixture.rewards.size(); ++p) {
      mixture.rewards[p] += component.probability * part->rewards[p];
    }
    mixture.unallocated += component.probability * part->unallocated;
    mixture.signs_relaxed |= component.probability > kNoChance && part->signs_relaxed;
  }
  return mixture;
}

absl::Status TooManyForSoftRewards(size_t messages) {
  return absl::OutOfRangeError(absl::StrCat("first_error.soft_rewards: offered for at most ",
                                            blame::kMaxSoftMessages, " messages, the episode has ",
                                            messages));
}

}  // namespace

absl::Status RewardByCredit(const RewardInputs& inputs, Signals& signals) {
  absl::StatusOr<EvidenceKind> kind =
      ChooseEvidenceKind(inputs.episode, inputs.facts, inputs.asked);
  if (!kind.ok()) return kind.status();
  signals.evidence = *kind;
  double unallocated = 0;
  const std::vector<Few> positions = PositionsByAgent(inputs);
  for (size_t i = 0; i < positions.size(); ++i) {
    AgentSignal& agent = signals.agents[i];
    std::vector<Claim> claims =
        SuccessClaims(inputs.episode, inputs.facts, MessagesAt(inputs, positions[i]), *kind,
                      agent.credit, inputs.options);
    absl::StatusOr<Allocation> allocation =
        Allocate(claims, agent.credit, inputs.options.reward_bound, WhenInfeasible::kRelaxSigns);
    if (!allocation.ok()) return allocation.status();
    for (size_t k = 0; k < positions[i].size(); ++k) {
      signals.messages[positions[i][k]].reward =
          DropDust(allocation->rewards[k], inputs.options.range);
      RecordClaim(claims[k], signals.message_audits[positions[i][k]]);
    }
    agent.unallocated = allocation->unallocated;
    agent.signs_relaxed = allocation->signs_relaxed;
    signals.conservation.signs_relaxed |= allocation->signs_relaxed;
    unallocated += allocation->unallocated;
  }
  CloseLedger(inputs, signals.grand_value - signals.baseline, unallocated, signals);
  return absl::OkStatus();
}

absl::Status RewardByOutcome(const RewardInputs& inputs, Signals& signals) {
  const double total = signals.grand_value - signals.baseline;
  std::vector<Claim> claims;
  absl::StatusOr<Allocation> allocation =
      AllocateOutcome(inputs, total, inputs.asked, claims, signals.evidence);
  if (!allocation.ok()) return allocation.status();
  RecordRewards(inputs, claims, *allocation, total, signals);
  for (AgentSignal& agent : signals.agents) {
    agent.credit = agent.low = agent.high = agent.reward_total;
  }
  return absl::OkStatus();
}

absl::Status CreditByOutcome(const RewardInputs& inputs, Signals& signals) {
  std::vector<Claim> claims;
  EvidenceKind used;
  // The evidence that was asked for is that of a success.
  absl::StatusOr<Allocation> allocation = AllocateOutcome(
      inputs, signals.grand_value - signals.baseline, EvidenceKind::kAuto, claims, used);
  if (!allocation.ok()) return allocation.status();
  for (size_t p = 0; p < claims.size(); ++p) {
    AgentSignal& agent = signals.agents[inputs.episode.messages[inputs.indices[p]].agent];
    agent.credit += DropDust(allocation->rewards[p], inputs.options.range);
  }
  for (AgentSignal& agent : signals.agents) agent.low = agent.high = agent.credit;
  return absl::OkStatus();
}

absl::Status RewardByBlame(const RewardInputs& inputs, Signals& signals) {
  const Options& options = inputs.options;
  const absl::StatusOr<blame::Basis> basis = ChooseBasis(inputs);
  if (!basis.ok()) return basis.status();
  const blame::RewardOptions reward_options = {options.reward_bound, options.message_rewards.kappa,
                                               options.reference_score, *basis};
  const blame::RewardProblem problem = blame::FailureRewards(
      inputs.evidence, inputs.posterior, inputs.labels, inputs.facts.redundancy, reward_options);
  std::vector<Claim> claims;
  absl::StatusOr<Allocation> allocation = AllocateBlame(inputs, problem, claims);
  if (allocation.ok() && options.first_error.soft_rewards) {
    if (inputs.labels.size() > blame::kMaxSoftMessages) {
      return TooManyForSoftRewards(inputs.labels.size());
    }
    allocation = AllocateSoftly(inputs, reward_options, options.first_error.parameters,
                                BlamePosteriorOptions(options));
  }
  if (!allocation.ok()) return allocation.status();
  signals.evidence = EvidenceKindOfBlame(inputs);
  RecordRewards(inputs, claims, *allocation, problem.target, signals);
  return absl::OkStatus();
}

}  // namespace assay::signals
