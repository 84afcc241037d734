// Groups in a few lines, for tests of advantages.
#ifndef ASSAY_TESTS_UNIT_SIGNALS_GROUPS_H_
#define ASSAY_TESTS_UNIT_SIGNALS_GROUPS_H_

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/signals/advantages.h"

namespace assay::signals::testing {

// An episode of the given score and agents, who are their own policies.
inline GroupMember Played(double score, int agents = 1) {
  GroupMember member;
  member.score = score;
  for (int i = 0; i < agents; ++i) {
    MemberAgent& agent = member.agents.emplace_back();
    agent.id = absl::StrCat("a", i);
    agent.policy = agent.id;
  }
  return member;
}

inline MemberMessage& Said(GroupMember& member, int agent) {
  MemberMessage& message = member.messages.emplace_back();
  message.index = static_cast<int>(member.messages.size()) - 1;
  message.agent = agent;
  return message;
}

inline std::vector<const GroupMember*> Pointers(const std::vector<GroupMember>& members) {
  std::vector<const GroupMember*> pointers;
  for (const GroupMember& member : members) pointers.push_back(&member);
  return pointers;
}

}  // namespace assay::signals::testing

#endif  // ASSAY_TESTS_UNIT_SIGNALS_GROUPS_H_
