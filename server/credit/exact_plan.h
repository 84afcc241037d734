#ifndef ASSAY_SERVER_CREDIT_EXACT_PLAN_H_
#define ASSAY_SERVER_CREDIT_EXACT_PLAN_H_

#include <cstddef>
#include <vector>

#include "server/credit/staged_plan.h"

namespace assay::credit {

inline constexpr int kMaxExactAgents = 20;

// Asks all 2^n coalitions, in complementary pairs: first the empty and the grand one with the
// single and all-but-one coalitions, then the rest in blocks. Of a game known to be noisy the
// coalitions that weigh more get more samples. n <= kMaxExactAgents.
class ExactPlan final : public StagedPlan {
 public:
  explicit ExactPlan(const CreditOptions& options);

 protected:
  std::vector<CoalitionQuestion> NextStage() override;
  bool Record(std::size_t k, const CoalitionQuestion& question, const ValueAnswer& answer) override;
  absl::StatusOr<RawEstimate> Estimate() const override;

 private:
  void PlanSamples();

  std::vector<Coalition> order_;         // one of each pair, as it is asked
  std::vector<int> samples_;             // of each side of the pairs in order_
  std::vector<std::size_t> stage_ends_;  // in order_
  std::size_t asked_ = 0;                // of order_
  std::vector<ValueAnswer> table_;
  std::size_t answered_ = 0;
};

}  // namespace assay::credit

#endif  // ASSAY_SERVER_CREDIT_EXACT_PLAN_H_
