// The counterfactual credit of single messages: u_t of proto/signals.md#credit-of-messages.
#ifndef ASSAY_SERVER_SIGNALS_MESSAGE_CREDIT_H_
#define ASSAY_SERVER_SIGNALS_MESSAGE_CREDIT_H_

#include <vector>

#include "server/signals/episode.h"

namespace assay::signals {

struct MessageCredits {
  // One a message of the episode, 0 for context; in the unit of the value. An agent's messages add
  // up to its credit. Empty: nothing counterfactual was asked.
  std::vector<double> values;
  // Whether they are Owen values, and not equal shares of the agents' credit.
  bool owen = false;
};

// `owen`: Owen values, one a message of the episode, or empty where messages were not asked about.
// `agent_credit`: one Shapley value an agent, or empty (OutcomeOnly). An agent with one message
// needs no question: its Owen value is its author's credit.
MessageCredits CreditMessages(const Episode& episode, const std::vector<double>& owen,
                              const std::vector<double>& agent_credit);

}  // namespace assay::signals

#endif  // ASSAY_SERVER_SIGNALS_MESSAGE_CREDIT_H_
