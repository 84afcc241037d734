// Advantages of a group: the rollouts of one task compared (signals.md section 5b). A pure function
// of rewards and scores, so that members scored on different streams give the same numbers.
#ifndef ASSAY_SERVER_SIGNALS_ADVANTAGES_H_
#define ASSAY_SERVER_SIGNALS_ADVANTAGES_H_

#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/signals/options.h"

namespace assay::signals {

struct MemberMessage {
  int agent = 0;  // index into GroupMember::policies
  double reward = 0;
};

struct GroupMember {
  double score = 0;  // y_e
  std::vector<absl::string_view>
      policies;  // one an agent; agents of one policy are normalised together
  std::vector<MemberMessage> messages;  // the agents' messages, in order
};

struct MemberAdvantages {
  double outcome = 0;             // O_e
  std::vector<double> local;      // L_t in [-5, 5]
  std::vector<double> advantage;  // A_t = (1 - beta) O_e + beta L_t
};

struct GroupAdvantages {
  double mean_score = 0;
  double std_score = 0;  // by the scale asked for; with kNone that of the population
  std::vector<MemberAdvantages> members;
};

// O_e = (y_e - mean y) / (std y + epsilon); with kNone y_e - mean y. Exactly 0 where all scores are
// equal or the group has one member.
// L_t = (T r_t - mean R) / (rms of that numerator over the messages of the policy + epsilon), where
// T is the number of the agent's messages in the episode, R the sum of their rewards, and the mean
// runs over the (episode, agent) pairs of the policy with at least one message.
// Sums run in an order that does not depend on the order of the members. O(messages log).
GroupAdvantages ComputeAdvantages(absl::Span<const GroupMember> members,
                                  const AdvantageOptions& options);

}  // namespace assay::signals

#endif  // ASSAY_SERVER_SIGNALS_ADVANTAGES_H_
