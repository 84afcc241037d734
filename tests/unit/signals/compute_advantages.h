// Advantages of groups that are made up.
#ifndef ASSAY_TESTS_UNIT_SIGNALS_COMPUTE_ADVANTAGES_H_
#define ASSAY_TESTS_UNIT_SIGNALS_COMPUTE_ADVANTAGES_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/signals/advantages.h"
#include "tests/unit/signals/groups.h"

namespace assay::signals {

inline constexpr double kDigits = 1e-6;

inline GroupAdvantages Compute(const std::vector<GroupMember>& members,
                               const AdvantageOptions& options = {}) {
  const auto result = ComputeAdvantages(testing::Pointers(members), options);
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? *result : GroupAdvantages();
}

// Examples are exact for no epsilon.
inline AdvantageOptions Exactly(OutcomePart outcome, CreditPart credit = CreditPart::kNone) {
  AdvantageOptions options;
  options.epsilon = 1e-12;
  options.outcome = outcome;
  options.credit = credit;
  return options;
}

inline std::vector<double> OfAgent(const GroupAdvantages& group, int agent) {
  std::vector<double> x;
  for (const MemberAdvantages& member : group.members) x.push_back(member.by_agent[agent]);
  return x;
}

inline std::vector<double> Locals(const GroupAdvantages& group) {
  std::vector<double> k;
  for (const MemberAdvantages& member : group.members) {
    k.insert(k.end(), member.local.begin(), member.local.end());
  }
  return k;
}

// Four episodes of two agents; agent 0 is replaced by the other one.
inline std::vector<GroupMember> E9() {
  std::vector<GroupMember> members;
  for (const double score : {1.0, 0.0, 1.0, 0.0}) {
    GroupMember& member = members.emplace_back(testing::Played(score, 2));
    member.agents[0].value_without = score;
    member.agents[1].value_without = 0;
    testing::Said(member, 0);
    testing::Said(member, 1);
  }
  return members;
}

}  // namespace assay::signals

#endif  // ASSAY_TESTS_UNIT_SIGNALS_COMPUTE_ADVANTAGES_H_
