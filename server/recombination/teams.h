// Which teams of a group are one and the same: two episodes in which an agent wrote the same give
// the same team.
#ifndef ASSAY_SERVER_RECOMBINATION_TEAMS_H_
#define ASSAY_SERVER_RECOMBINATION_TEAMS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "server/signals/episode.h"

namespace assay::recombination {

// For each agent and each episode of a group the class of what the agent wrote there: equal exactly
// where texts and answers are, byte for byte, in order.
class Teams {
 public:
  static constexpr int kSilent = -1;  // the class of an agent without a message

  // `episodes` have the same agents. O(texts log episodes).
  explicit Teams(absl::Span<const signals::Episode* const> episodes);

  int members() const { return members_; }
  int agents() const { return agents_; }
  int class_of(int member, int agent) const { return classes_[member * agents_ + agent]; }

  // Equal for equal teams: that of `base`, with the messages of `agent` taken from `from`.
  std::string Key(int base, int agent, int from) const;
  // Of a team that was played.
  std::string Key(int member) const { return Key(member, 0, member); }
  // As a question names it: members by number, signals::kAbsent where the agent is silent.
  std::vector<int32_t> Named(int base, int agent, int from) const;

 private:
  int members_;
  int agents_;
  std::vector<int32_t> classes_;  // member by member
};

}  // namespace assay::recombination

#endif  // ASSAY_SERVER_RECOMBINATION_TEAMS_H_
