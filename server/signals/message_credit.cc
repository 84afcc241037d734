#include "server/signals/message_credit.h"

#include <algorithm>
#include <cstddef>

namespace assay::signals {

MessageCredits CreditMessages(const Episode& episode, const std::vector<double>& owen,
                              const std::vector<double>& agent_credit) {
  MessageCredits credits;
  if (agent_credit.empty()) return credits;
  if (!owen.empty()) {
    credits.values = owen;
    credits.owen = true;
    return credits;
  }
  std::vector<int> counts(agent_credit.size());
  for (const Message& m : episode.messages) {
    if (m.agent != kContext) ++counts[m.agent];
  }
  credits.owen = std::all_of(counts.begin(), counts.end(), [](int count) { return count <= 1; });
  credits.values.resize(episode.messages.size());
  for (size_t t = 0; t < credits.values.size(); ++t) {
    const int agent = episode.messages[t].agent;
    if (agent != kContext) credits.values[t] = agent_credit[agent] / counts[agent];
  }
  return credits;
}

}  // namespace assay::signals
