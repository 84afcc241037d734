#include "server/signals/outcome_parts.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace assay::signals {
namespace {

// Added to the sum of squares of a control in a group: few siblings prove little.
constexpr double kRidge = 0.05;
// Of the value range: amounts below it are zero.
constexpr double kZero = 1e-12;

absl::Status Always(const Group&) { return absl::OkStatus(); }

// What is left of the score's deviation is divided by that of all scores.
OutcomeNumbers OverScores(const Group& group, OutcomeScale scale, std::vector<double> values) {
  std::vector<double> divisors(values.size(), ScoreDeviation(group, scale));
  return {std::move(values), std::move(divisors)};
}

std::vector<double> ScoreDeviations(const Group& group) {
  std::vector<double> x(group.pairs());
  for (int p = 0; p < group.pairs(); ++p) x[p] = group.score_deviation(group.member_of(p));
  return x;
}

OutcomeNumbers Outcome(const Group& group, OutcomeScale scale) {
  return OverScores(group, scale, ScoreDeviations(group));
}

absl::Status KnowsValuesWithout(const Group& group) {
  for (int p = 0; p < group.pairs(); ++p) {
    if (group.agent(p).value_without.has_value()) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        "episode \"", group.members()[group.member_of(p)]->id, "\": agent \"", group.agent(p).id,
        "\" has no value_without: the team was not evaluated without it"));
  }
  return absl::OkStatus();
}

// The outcome less what v(N without the agent) explains of it: a control variate, with the
// coefficient fitted over all pairs of the policy. What the others achieve alone does not depend on
// what the agent said, so no coefficient biases the policy gradient.
OutcomeNumbers Control(const Group& group, OutcomeScale scale) {
  std::vector<double> x = ScoreDeviations(group);
  std::vector<double> without(x.size());
  for (int p = 0; p < group.pairs(); ++p)
    without[p] = *group.agent(p).value_without / group.range();
  const std::vector<Moments> of_policy = group.PairMoments(without);
  std::vector<double> products(x.size());
  for (size_t p = 0; p < x.size(); ++p) {
    without[p] -= of_policy[p].mean;
    products[p] = without[p] * x[p];
  }
  products = group.PairSums(products);
  for (size_t p = 0; p < x.size(); ++p) {
    const double beta = std::clamp(products[p] / (of_policy[p].squares + kRidge), 0.0, 1.0);
    x[p] -= beta * without[p];
  }
  return OverScores(group, scale, std::move(x));
}

absl::Status KnowsTeams(const Group& group) {
  if (!group.recombined().empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "no values of teams put together from the episodes of the group are known");
}

// What the agent's messages are worth in the teams of all its siblings, less their mean over the
// policy: informative even where all episodes failed.
OutcomeNumbers Recombined(const Group& group, OutcomeScale scale) {
  std::vector<double> worth(group.recombined().begin(), group.recombined().end());
  for (double& value : worth) value /= group.range();
  const std::vector<Moments> moments = group.PairMoments(worth);
  std::vector<double> x(worth.size()), divisors(worth.size());
  for (size_t p = 0; p < worth.size(); ++p) {
    const int freedom = scale == OutcomeScale::kSample ? moments[p].count - 1 : moments[p].count;
    const double deviation = freedom > 0 ? std::sqrt(moments[p].squares / freedom) : 0;
    // Below it there is nothing but rounding.
    if (deviation <= kZero || std::isnan(worth[p])) continue;
    x[p] = worth[p] - moments[p].mean;
    divisors[p] = deviation;
  }
  return {std::move(x), std::move(divisors)};
}

constexpr OutcomeRule kRules[] = {
    {OutcomePart::kRecombined, KnowsTeams, Recombined},
    {OutcomePart::kControl, KnowsValuesWithout, Control},
    {OutcomePart::kOutcome, Always, Outcome},
};

}  // namespace

absl::StatusOr<OutcomeRule> ChooseOutcomeRule(const Group& group, OutcomePart asked) {
  for (const OutcomeRule& rule : kRules) {
    if (asked != OutcomePart::kAuto && asked != rule.part) continue;
    const absl::Status supported = rule.supported(group);
    if (supported.ok()) return rule;
    if (asked == rule.part) {
      return absl::Status(supported.code(),
                          absl::StrCat("options.advantages.outcome: ", supported.message()));
    }
  }
  return absl::UnimplementedError("options.advantages.outcome: not offered");
}

double ScoreDeviation(const Group& group, OutcomeScale scale) {
  const size_t count = group.members().size();
  const size_t freedom = scale == OutcomeScale::kSample ? count - 1 : count;
  return group.score_squares() == 0
             ? 0
             : std::sqrt(group.score_squares() / static_cast<double>(freedom));
}

}  // namespace assay::signals
