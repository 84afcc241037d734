#ifndef ASSAY_SERVER_CREDIT_OWEN_PLAN_H_
#define ASSAY_SERVER_CREDIT_OWEN_PLAN_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "server/credit/staged_plan.h"

namespace assay::credit {

// Asks every set of messages that is whole or empty in all unions but at most one. Averaged over
// the other unions, the answers make one small game for each union, whose Shapley value is the Owen
// value of its messages.
class ExactOwenPlan final : public StagedPlan {
 public:
  // members[i]: the messages of union i, ascending, at least one.
  ExactOwenPlan(const CreditOptions& options, std::vector<std::vector<int>> members);

 protected:
  std::vector<CoalitionQuestion> NextStage() override;
  bool Record(std::size_t k, const CoalitionQuestion& question, const ValueAnswer& answer) override;
  absl::StatusOr<RawEstimate> Estimate() const override;

 private:
  // The game within one union: value and variance of each subset of its messages.
  struct InnerGame {
    std::vector<double> values;
    std::vector<double> variances;  // empty without noise
  };
  // A question as unions taken whole and, beside them, a part of one union (partial = -1: none).
  struct Parts {
    Coalition whole = 0;
    int partial = -1;
    std::size_t subset = 0;
  };

  void SetPlayers(const Parts& parts, PlayerSet& players) const;
  // Adds an answer to the games that it is part of, as the noise is known to be by now.
  void Deposit(const Parts& parts, const ValueAnswer& answer, std::vector<InnerGame>& games) const;
  void DepositIn(InnerGame& game, std::size_t subset, Coalition others,
                 const ValueAnswer& answer) const;

  std::vector<std::vector<int>> members_;
  std::vector<PlayerSet> whole_sets_;  // of each set of unions, their messages
  std::vector<double> union_weights_;  // [m C(m-1, h)]^-1 for h = 0..m-1
  std::vector<Parts> order_;
  std::size_t stage_ = 0;  // where in order_ the stage begins
  std::size_t asked_ = 0;  // and ends
  std::vector<std::pair<Parts, ValueAnswer>> answers_;
};

}  // namespace assay::credit

#endif  // ASSAY_SERVER_CREDIT_OWEN_PLAN_H_
