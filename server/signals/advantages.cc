#include "server/signals/advantages.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "server/signals/credit_parts.h"
#include "server/signals/outcome_parts.h"

namespace assay::signals {
namespace {

// A quotient whose numerator is 0 is 0: what does not deviate has no advantage, even where neither
// a deviation nor an epsilon is left to divide by.
double Quotient(double numerator, double divisor) {
  return numerator == 0 ? 0 : numerator / divisor;
}

// Brings shares of the value range onto the scale of the options.
class Scaling {
 public:
  explicit Scaling(const AdvantageOptions& options)
      : divides_(options.scale != OutcomeScale::kNone),
        epsilon_(options.epsilon),
        range_(options.range) {}

  double Outcome(double share, double deviation) const {
    if (!divides_) return share * range_;
    return deviation == 0 ? 0 : Quotient(share, deviation + epsilon_);
  }
  double Credit(double value, double divisor, double unit) const {
    if (!divides_) return std::clamp(value * unit, -kLargestCredit, kLargestCredit) * range_;
    return std::clamp(Quotient(value, divisor + epsilon_), -kLargestCredit, kLargestCredit);
  }

 private:
  const bool divides_;
  const double epsilon_;
  const double range_;
};

// X of a pair: where its part is noisy, the next best has the rest.
double Mixed(const Scaling& scaling, const OutcomeNumbers& x, size_t pair) {
  const double own = scaling.Outcome(x.values[pair], x.divisors[pair]);
  if (x.rest == nullptr || x.shares[pair] >= 1) return own;
  return x.shares[pair] * own + (1 - x.shares[pair]) * Mixed(scaling, *x.rest, pair);
}

}  // namespace

absl::StatusOr<GroupAdvantages> ComputeAdvantages(absl::Span<const GroupMember* const> members,
                                                  const AdvantageOptions& options,
                                                  const TeamValues& recombined) {
  const Group group(members, options.range, recombined);
  const absl::StatusOr<OutcomeRule> outcome = ChooseOutcomeRule(group, options.outcome);
  if (!outcome.ok()) return outcome.status();
  const absl::StatusOr<CreditRule> credit = ChooseCreditRule(group, options.credit);
  if (!credit.ok()) return credit.status();
  const double deviation = ScoreDeviation(group, options.scale);
  const OutcomeNumbers x = outcome->compute(group, options.scale);
  const CreditNumbers k = credit->compute(group);

  GroupAdvantages result;
  result.mean_score = group.mean_score();
  result.std_score = deviation * options.range;
  result.outcome_part = outcome->part;
  result.credit_part = credit->part;
  result.reliability = k.reliability;
  result.weight = options.blend.value_or(credit->default_blend) * k.reliability;
  result.parallel = std::all_of(members.begin(), members.end(),
                                [](const GroupMember* member) { return member->parallel; });
  const Scaling scaling(options);
  const double w = result.weight;
  result.members.resize(members.size());
  size_t pair = 0;
  size_t m = 0;
  for (size_t e = 0; e < members.size(); ++e) {
    MemberAdvantages& member = result.members[e];
    member.by_agent.reserve(members[e]->agents.size());
    member.local.reserve(members[e]->messages.size());
    member.advantage.reserve(members[e]->messages.size());
    member.outcome = scaling.Outcome(group.score_deviation(static_cast<int>(e)), deviation);
    for (size_t i = 0; i < members[e]->agents.size(); ++i) {
      member.by_agent.push_back(Mixed(scaling, x, pair));
      ++pair;
    }
    for (const MemberMessage& message : members[e]->messages) {
      member.local.push_back(scaling.Credit(k.values[m], k.divisors[m], credit->unit));
      member.advantage.push_back((1 - w) * member.by_agent[message.agent] +
                                 w * member.local.back());
      ++m;
    }
  }
  return result;
}

}  // namespace assay::signals
