// Evidence, parameters and texts of golden cases, drawn by a dice.
#ifndef ASSAY_TESTS_UNIT_BLAME_DRAWS_H_
#define ASSAY_TESTS_UNIT_BLAME_DRAWS_H_

#include <algorithm>
#include <iterator>

#include "absl/strings/string_view.h"
#include "server/blame/posterior.h"
#include "tests/unit/golden.h"

namespace assay::blame {

inline Evidence DrawEvidence(testing::Dice& dice) {
  Evidence e;
  e.agents = 1 + dice.Below(4);
  const int messages = 1 + dice.Below(12);
  for (int t = 0; t < messages; ++t) {
    e.authors.push_back(dice.Chance(15) ? kNobody : dice.Below(e.agents));
  }
  const auto agents_message = [&](int t) { return e.authors[t] != kNobody; };
  e.outcome = static_cast<Outcome>(std::max(0, dice.Below(5) - 2));
  if (dice.Chance(30)) e.low = -2;
  const auto value = [&] { return e.low + (e.high - e.low) * dice.Unit(); };
  e.score = value();
  if (dice.Chance(50)) {
    for (int j = 0; j <= messages; ++j) {
      const int trials = dice.Below(6);
      e.nodes.push_back({static_cast<double>(dice.Below(trials + 1)), static_cast<double>(trials)});
    }
  }
  if (dice.Chance(30)) e.start_value = value();
  const bool judged = dice.Chance(60);
  for (int t = 0; t < messages; ++t) {
    if (!agents_message(t)) continue;
    for (int j = dice.Below(3); judged && j > 0; --j) e.scores.push_back({t, 2 * dice.Unit() - 1});
    if (dice.Chance(15)) e.corrections.push_back({t, {static_cast<double>(dice.Below(4)), 3}});
    if (dice.Chance(3)) e.annotations.push_back(t);
    const int before = dice.Below(t + 1);
    if (before < t && agents_message(before) && dice.Chance(15)) e.repairs.push_back({t, before});
  }
  if (dice.Chance(30)) {
    for (int t = 0; t < messages; ++t) e.prior.push_back(dice.Chance(20) ? 0 : dice.Unit());
    e.prior_used = dice.Chance(50) ? PriorUsed::kStated : PriorUsed::kFlat;
  }
  if (dice.Chance(40)) {
    for (int t = 0; t < messages; ++t) {
      e.grades.push_back(agents_message(t) ? static_cast<Grade>(dice.Below(4)) : Grade::kNone);
    }
  }
  if (dice.Chance(50)) {
    for (int t = 0; t < messages; ++t) {
      e.message_credit.push_back(agents_message(t) ? dice.Unit() - 0.5 : 0);
    }
  }
  return e;
}

inline Parameters DrawParameters(testing::Dice& dice) {
  Parameters p;
  if (dice.Chance(50)) return p;
  p.start_high = 0.8 + 0.19 * dice.Unit();
  p.error_rate = 0.5 + dice.Unit();
  p.repair_rate = 0.5 + dice.Unit();
  p.context_error_rate = 0.1 + dice.Unit();
  p.context_repair_rate = 0.1 + dice.Unit();
  p.propagated_share = dice.Unit();
  p.base_rate = 0.2 + 0.6 * dice.Unit();
  p.judge_correlation = dice.Unit();
  if (dice.Chance(60)) p.shared_level = dice.Unit();
  p.high_rates = {0.5, 0.9};
  p.high_weights = {0.25, 0.75};
  return p;
}

inline constexpr absl::string_view kSayings[] = {
    "",
    "yes",
    "The sum is 42, therefore the final answer is 42.",
    "Error: file not found, exitcode: 1",
    "Sorry, I will try again. The sum is 43.5",
    "We could assume that https://example.com is probably right",
    "exitcode: 0\nverified and done",
    "```python\nprint(42)\n``` I was unable to run it. TERMINATE"};

inline absl::string_view DrawSaying(testing::Dice& dice) {
  return kSayings[dice.Below(std::size(kSayings))];
}

}  // namespace assay::blame

#endif  // ASSAY_TESTS_UNIT_BLAME_DRAWS_H_
