#include "server/signals/rewards/success.h"

#include <algorithm>
#include <cstddef>

namespace assay::signals {
namespace {

constexpr double kLeastWeight = 0.01;

// Bounds by the sign of the credit and of the local judgement.
void BoundBySign(double credit, double sign, double penalty, double bound, Claim& claim) {
  claim.low = -bound;
  claim.high = bound;
  if (credit >= 0) {
    if (sign < 0) {
      claim.high = 0;
    } else {
      claim.low = 0.0 - std::min(penalty, bound);  // never -0, which JSON may not keep
    }
  } else if (sign > 0) {
    claim.low = 0;
  } else {
    claim.high = 0;
  }
}

void BoundByLabel(blame::Label label, double bound, Claim& claim) {
  switch (label) {
    case blame::Label::kFirstError:
    case blame::Label::kError:
      claim.low = -bound;
      claim.high = 0;
      break;
    case blame::Label::kRepair:
      claim.low = 0;
      claim.high = bound;
      break;
    default:
      break;
  }
}

std::vector<double> TokenShares(const Episode& episode, absl::Span<const int> indices) {
  double total = 0;
  for (int t : indices) total += episode.messages[t].token_count;
  std::vector<double> shares;
  if (total <= 0) return shares;
  for (int t : indices) shares.push_back(episode.messages[t].token_count / total);
  return shares;
}

}  // namespace

std::vector<Claim> SuccessClaims(const Episode& episode, const MessageFacts& facts,
                                 absl::Span<const int> indices, EvidenceKind kind, double credit,
                                 const Options& options) {
  const MessageRewardOptions& rewards = options.message_rewards;
  const EvidenceRule& rule = RuleOf(kind);
  std::vector<double> shares;
  if (rewards.weigh_by_tokens) shares = TokenShares(episode, indices);
  std::vector<Claim> claims;
  claims.reserve(indices.size());
  for (size_t k = 0; k < indices.size(); ++k) {
    const int t = indices[k];
    const double rho = facts.redundancy[t];
    const Judgement judgement = rule.judge(facts, t, rewards);
    Claim claim;
    claim.raw_reward = judgement.raw_reward;
    if (rule.marginal) {
      claim.weight = 1;
      claim.low = -options.reward_bound;
      claim.high = options.reward_bound;
    } else {
      claim.weight = std::max(shares.empty() ? 1 - rho : shares[k], kLeastWeight);
      BoundBySign(credit, judgement.sign, rewards.kappa * rewards.redundancy_penalty * rho,
                  options.reward_bound, claim);
    }
    if (!facts.labels.empty()) BoundByLabel(facts.labels[t], options.reward_bound, claim);
    claims.push_back(claim);
  }
  return claims;
}

}  // namespace assay::signals
