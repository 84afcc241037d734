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
  OutcomeNumbers x;
  x.divisors.assign(values.size(), ScoreDeviation(group, scale));
  x.values = std::move(values);
  return x;
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
  if (!group.recombined().values.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "no values of teams put together from the episodes of the group are known");
}

// The share of the differences of a policy's worths that is not noise of the answers, one a pair; 1
// where the agent has no message and no X.
std::vector<double> ShareOfTeams(const Group& group, const std::vector<double>& worth,
                                 const std::vector<Moments>& moments) {
  std::vector<double> noise(group.recombined().noise.begin(), group.recombined().noise.end());
  for (size_t p = 0; p < noise.size(); ++p) {
    noise[p] /= group.range() * group.range();
    if (std::isnan(worth[p])) noise[p] = worth[p];
  }
  const std::vector<Moments> of_policy = group.PairMoments(noise);
  std::vector<double> shares(worth.size(), 1.0);
  for (size_t p = 0; p < worth.size(); ++p) {
    if (std::isnan(worth[p]) || of_policy[p].mean <= 0) continue;
    const double spread = moments[p].variance();
    shares[p] = spread > 0 ? std::clamp(1 - of_policy[p].mean / spread, 0.0, 1.0) : 0;
  }
  return shares;
}

// What the agent's messages are worth in the teams of all its siblings, less their mean over the
// policy: informative even where all episodes failed. Divided by their own deviation noise would
// weigh as much as worth, and most where there is nothing left to learn: so far as they are noise
// the next best part stands for them.
OutcomeNumbers Recombined(const Group& group, OutcomeScale scale) {
  std::vector<double> worth(group.recombined().values.begin(), group.recombined().values.end());
  for (double& value : worth) value /= group.range();
  const std::vector<Moments> moments = group.PairMoments(worth);
  OutcomeNumbers x;
  x.values.resize(worth.size());
  x.divisors.resize(worth.size());
  for (size_t p = 0; p < worth.size(); ++p) {
    const int freedom = scale == OutcomeScale::kSample ? moments[p].count - 1 : moments[p].count;
    const double deviation = freedom > 0 ? std::sqrt(moments[p].squares / freedom) : 0;
    // Below it there is nothing but rounding.
    if (deviation <= kZero || std::isnan(worth[p])) continue;
    x.values[p] = worth[p] - moments[p].mean;
    x.divisors[p] = deviation;
  }
  if (group.recombined().noise.empty()) return x;
  x.shares = ShareOfTeams(group, worth, moments);
  x.rest = std::make_unique<OutcomeNumbers>(KnowsValuesWithout(group).ok() ? Control(group, scale)
                                                                           : Outcome(group, scale));
  return x;
}

constexpr OutcomeRule kRules[] = {
    {OutcomePart::kRecombined, KnowsTeams, Recombined,
     "how much more the agent's messages are worth in its siblings' teams than those of its "
     "siblings"},
    {OutcomePart::kControl, KnowsValuesWithout, Control,
     "how much better the episode went than its siblings, less what the team without the agent "
     "explains of it"},
    {OutcomePart::kOutcome, Always, Outcome, "how much better the episode went than its siblings"},
};

}  // namespace

absl::string_view WordsOf(OutcomePart part) {
  for (const OutcomeRule& rule : kRules) {
    if (rule.part == part) return rule.words;
  }
  return "";
}

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
