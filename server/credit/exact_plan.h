#ifndef ASSAY_SERVER_CREDIT_EXACT_PLAN_H_
#define ASSAY_SERVER_CREDIT_EXACT_PLAN_H_

#include <cstddef>
#include <vector>

#include "server/credit/staged_plan.h"

namespace assay::credit {

inline constexpr int kMaxExactAgents = 20;

// Asks the value of all 2^n coalitions, always a coalition together with its complement. The first
// stage asks the empty and the grand coalition, each agent alone, and everybody but one agent;
// later stages ask the rest in blocks. Where the game is known to be noisy, coalitions that weigh
// more in the Shapley value get more samples. n <= kMaxExactAgents.
class ExactPlan final : public StagedPlan {
 public:
  explicit ExactPlan(const CreditOptions& options);

 protected:
  std::vector<Question> NextStage() override;
  bool Record(std::size_t k, const Question& question, const Answer& answer) override;
  absl::StatusOr<RawEstimate> Estimate() const override;

 private:
  void PlanSamples();

  std::vector<Coalition> order_;         // one of each pair, as it is asked
  std::vector<int> samples_;             // of each side of the pairs in order_
  std::vector<std::size_t> stage_ends_;  // in order_
  std::size_t asked_ = 0;                // of order_
  std::vector<Answer> table_;
  std::size_t answered_ = 0;
};

}  // namespace assay::credit

#endif  // ASSAY_SERVER_CREDIT_EXACT_PLAN_H_
