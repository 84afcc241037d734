#include "server/signals/success.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "server/signals/findings.h"

namespace assay::signals {
namespace {

constexpr double kLeastWeight = 0.01;

bool HasBothNodeValues(const Episode& episode, const LocalEvidence& local) {
  bool any = false;
  for (size_t t = 0; t < episode.messages.size(); ++t) {
    if (episode.messages[t].agent == kContext) continue;
    if (!local.node_values[t].has_value() || !local.node_values[t + 1].has_value()) return false;
    any = true;
  }
  return any;
}

bool HasAnyScore(const Episode& episode, const LocalEvidence& local) {
  for (size_t t = 0; t < episode.messages.size(); ++t) {
    if (episode.messages[t].agent != kContext && local.scores[t].has_value()) return true;
  }
  return false;
}

// x_t, and the number whose sign says whether the message helped or harmed.
struct Judgement {
  double evidence;
  double sign;
};

Judgement Judge(const LocalEvidence& local, int t, Evidence evidence,
                const MessageRewardOptions& options) {
  switch (evidence) {
    case Evidence::kOwen:
      return {local.owen[t], 0};
    case Evidence::kPrefix: {
      const double gain = *local.node_values[t + 1] - *local.node_values[t];
      return {gain, gain};
    }
    case Evidence::kScores: {
      const double rho = local.redundancy[t];
      const double q = local.scores[t].value_or(0);
      const double s = q > 0 ? q * (1 - rho) : q;
      return {options.kappa * (s - options.redundancy_penalty * rho), q};
    }
    case Evidence::kAuto:
    case Evidence::kEqual:
      break;
  }
  return {0, local.scores[t].value_or(0)};
}

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

absl::StatusOr<Evidence> ChooseEvidence(const Episode& episode, const LocalEvidence& local,
                                        Evidence asked) {
  const bool owen = !local.owen.empty();
  const bool prefix = HasBothNodeValues(episode, local);
  const bool scores = HasAnyScore(episode, local);
  switch (asked) {
    case Evidence::kOwen:
      if (!owen) return MissingEvidence("answers to `messages` questions within the budget");
      return asked;
    case Evidence::kPrefix:
      if (!prefix) return MissingEvidence("value at both nodes of every agent's message");
      return asked;
    case Evidence::kScores:
      if (!scores) return MissingEvidence("process score");
      return asked;
    case Evidence::kEqual:
      return asked;
    case Evidence::kAuto:
      break;
  }
  if (owen) return Evidence::kOwen;
  if (prefix) return Evidence::kPrefix;
  return scores ? Evidence::kScores : Evidence::kEqual;
}

std::vector<Claim> SuccessClaims(const Episode& episode, const LocalEvidence& local,
                                 absl::Span<const int> indices, Evidence evidence, double credit,
                                 const Options& options) {
  const MessageRewardOptions& rewards = options.message_rewards;
  std::vector<double> shares;
  if (rewards.weigh_by_tokens) shares = TokenShares(episode, indices);
  std::vector<Claim> claims;
  claims.reserve(indices.size());
  for (size_t k = 0; k < indices.size(); ++k) {
    const int t = indices[k];
    const double rho = local.redundancy[t];
    const Judgement judgement = Judge(local, t, evidence, rewards);
    Claim claim;
    claim.evidence = judgement.evidence;
    if (evidence == Evidence::kOwen) {
      // Owen values are marginal contributions already: redundancy and sign are in them.
      claim.weight = 1;
      claim.low = -options.reward_bound;
      claim.high = options.reward_bound;
    } else {
      claim.weight = std::max(shares.empty() ? 1 - rho : shares[k], kLeastWeight);
      BoundBySign(credit, judgement.sign, rewards.kappa * rewards.redundancy_penalty * rho,
                  options.reward_bound, claim);
    }
    if (!local.labels.empty()) BoundByLabel(local.labels[t], options.reward_bound, claim);
    claims.push_back(claim);
  }
  return claims;
}

}  // namespace assay::signals
