#include "server/signals/outcome_parts.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace assay::signals {
namespace {

// Added to the sum of squares of a control in a group: few siblings prove little.
constexpr double kRidge = 0.05;

absl::Status Always(const Group&) { return absl::OkStatus(); }

std::vector<double> Outcome(const Group& group) {
  std::vector<double> x(group.pairs());
  for (int p = 0; p < group.pairs(); ++p) x[p] = group.score_deviation(group.member_of(p));
  return x;
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
std::vector<double> Control(const Group& group) {
  std::vector<double> x = Outcome(group);
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
  return x;
}

constexpr OutcomeRule kRules[] = {
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
