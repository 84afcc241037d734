#include "server/signals/credit_parts.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace assay::signals {
namespace {

// OK where there are messages and `has` holds for all of them.
template <class Has>
absl::Status Everywhere(const Group& group, Has has, absl::string_view what) {
  if (group.messages() == 0) return absl::FailedPreconditionError("the group has no message");
  for (int m = 0; m < group.messages(); ++m) {
    if (has(group.message(m))) continue;
    const int pair = group.pair_of(m);
    return absl::FailedPreconditionError(absl::StrCat(
        "episode \"", group.members()[group.member_of(pair)]->id, "\": message ",
        group.message(m).index, " of agent \"", group.agent(pair).id, "\" has no ", what));
  }
  return absl::OkStatus();
}

std::vector<double> Squares(std::vector<double> values) {
  for (double& value : values) value *= value;
  return values;
}

// The root mean square over the whole group, for each of its messages; more where it would leave
// one above kLargestCredit. All are scaled down together then: to cut off the largest ones alone
// would take from what is rare and large, and turn the gradient.
std::vector<double> RootMeanSquares(const std::vector<double>& values) {
  double largest = 0;
  for (const double value : values) largest = std::max(largest, std::abs(value));
  const double divisor = std::max(std::sqrt(SortedMean(Squares(values))), largest / kLargestCredit);
  return std::vector<double>(values.size(), divisor);
}

absl::Status KnowsValueChanges(const Group& group) {
  return Everywhere(
      group, [](const MemberMessage& message) { return message.value_change.has_value(); },
      "value_change: one of its two nodes has no value");
}

// Not centred: the change of the value is the advantage, and its mean under the policy is 0.
CreditNumbers Values(const Group& group) {
  CreditNumbers k;
  std::vector<double> variances(group.messages());
  k.values.resize(group.messages());
  for (int m = 0; m < group.messages(); ++m) {
    k.values[m] = *group.message(m).value_change / group.range();
    variances[m] = group.message(m).value_change_variance / group.range() / group.range();
  }
  k.divisors = RootMeanSquares(k.values);
  const double noise = SortedMean(std::move(variances));
  const double spread = group.score_squares() / static_cast<double>(group.members().size());
  k.reliability = noise == 0 ? 1 : spread / (spread + noise);
  return k;
}

absl::Status KnowsCredit(const Group& group) {
  return Everywhere(
      group, [](const MemberMessage& message) { return message.credit.has_value(); },
      "credit: nothing counterfactual was asked");
}

// Agents without a message count as well: their credit was estimated like that of the others.
double ReliabilityOfCredit(const Group& group) {
  std::vector<double> credits(group.pairs()), noise(group.pairs());
  for (int p = 0; p < group.pairs(); ++p) {
    credits[p] = group.agent(p).credit / group.range();
    noise[p] = group.agent(p).std_error / group.range();
  }
  const double mean_noise = SortedMean(Squares(std::move(noise)));
  if (mean_noise == 0) return 1;
  const double spread = group.PairVariance(credits);
  return spread > 0 ? std::clamp(1 - mean_noise / spread, 0.0, 1.0) : 0;
}

// Where a message has no Owen value it gets the whole credit of its agent. A share of it would
// teach to talk less, or more: the gradient of an agent's expected credit takes the credit as often
// as the agent spoke. One episode without Owen values sets the scale for all of the group.
CreditNumbers Credit(const Group& group) {
  const bool owen = std::all_of(group.members().begin(), group.members().end(),
                                [](const GroupMember* member) { return member->owen_values; });
  CreditNumbers k;
  k.values.resize(group.messages());
  for (int m = 0; m < group.messages(); ++m) {
    const double credit = owen ? *group.message(m).credit : group.agent(group.pair_of(m)).credit;
    k.values[m] = credit / group.range();
  }
  const std::vector<Moments> of_policy = group.MessageMoments(k.values);
  k.divisors.resize(k.values.size());
  for (size_t m = 0; m < k.values.size(); ++m) {
    k.values[m] -= of_policy[m].mean;
    k.divisors[m] = std::sqrt(of_policy[m].variance());
  }
  k.reliability = ReliabilityOfCredit(group);
  return k;
}

absl::Status KnowsAnyScore(const Group& group) {
  for (int m = 0; m < group.messages(); ++m) {
    if (group.message(m).process_score.has_value()) return absl::OkStatus();
  }
  return absl::FailedPreconditionError("no message of the group has a process score");
}

// A fully right message is worth half the range more than one of which nothing is known, as in
// rewards by process scores: p = (1 + q) / 2 is its probability of being correct.
CreditNumbers Scores(const Group& group) {
  CreditNumbers k;
  k.values.resize(group.messages());
  for (int m = 0; m < group.messages(); ++m) {
    k.values[m] = group.message(m).process_score.value_or(0);
  }
  k.divisors = RootMeanSquares(k.values);
  return k;
}

absl::Status Always(const Group&) { return absl::OkStatus(); }

CreditNumbers None(const Group& group) {
  CreditNumbers k;
  k.values.assign(group.messages(), 0.0);
  k.divisors.assign(group.messages(), 0.0);
  k.reliability = 0;
  return k;
}

constexpr CreditRule kRules[] = {
    {CreditPart::kValues, 1, 1, KnowsValueChanges, Values,
     "how much the expected score changed with the message"},
    {CreditPart::kCredit, 0.5, 1, KnowsCredit, Credit,
     "how far the message's counterfactual credit lies above the mean of its agent's"},
    {CreditPart::kScores, 0.5, 0.5, KnowsAnyScore, Scores, "how right a judge found the message"},
    {CreditPart::kNone, 0, 1, Always, None, "nothing"},
};

}  // namespace

absl::string_view WordsOf(CreditPart part) {
  for (const CreditRule& rule : kRules) {
    if (rule.part == part) return rule.words;
  }
  return "";
}

absl::StatusOr<CreditRule> ChooseCreditRule(const Group& group, CreditPart asked) {
  for (const CreditRule& rule : kRules) {
    if (asked != CreditPart::kAuto && asked != rule.part) continue;
    const absl::Status supported = rule.supported(group);
    if (supported.ok()) return rule;
    if (asked == rule.part) {
      return absl::Status(supported.code(),
                          absl::StrCat("options.advantages.credit: ", supported.message()));
    }
  }
  return absl::UnimplementedError("options.advantages.credit: not offered");
}

}  // namespace assay::signals
