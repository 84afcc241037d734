#ifndef ASSAY_SERVER_CREDIT_OWEN_PLAN_H_
#define ASSAY_SERVER_CREDIT_OWEN_PLAN_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "server/credit/owen_sets.h"
#include "server/credit/staged_plan.h"

namespace assay::credit {

// Asks every set of messages that is whole or empty in all unions but at most one. Averaged over
// the other unions, the answers make one small game for each union, whose Shapley value is the Owen
// value of its messages.
class ExactOwenPlan final : public StagedPlan {
 public:
  // members[i] holds the messages of union i in ascending order, at least one.
  ExactOwenPlan(const CreditOptions& options, std::vector<std::vector<int>> members);

 protected:
  std::vector<Question> NextStage() override;
  bool Record(std::size_t k, const Question& question, const Answer& answer) override;
  absl::StatusOr<RawEstimate> Estimate() const override;

 private:
  void SetPlayers(const OwenSet& set, PlayerSet& players) const;

  std::vector<std::vector<int>> members_;
  std::vector<PlayerSet> whole_sets_;  // of each set of unions, their messages
  std::vector<int> sizes_;
  std::vector<OwenSet> order_;
  std::size_t asked_ = 0;        // of order_, so far
  std::vector<Answer> answers_;  // to the first of them
};

}  // namespace assay::credit

#endif  // ASSAY_SERVER_CREDIT_OWEN_PLAN_H_
