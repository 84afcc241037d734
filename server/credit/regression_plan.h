#ifndef ASSAY_SERVER_CREDIT_REGRESSION_PLAN_H_
#define ASSAY_SERVER_CREDIT_REGRESSION_PLAN_H_

#include <cstddef>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "server/credit/answers.h"
#include "server/credit/staged_plan.h"

namespace assay::credit {

// The Shapley value as the additive game nearest to v in the Shapley kernel's weights (Charnes et
// al. 1988), fitted to a sample of coalitions.
//  - kLeverage draws complementary pairs without replacement, every size as likely as any other,
//    which is each coalition by its leverage score (Musco & Witter 2024).
//  - kKernel draws single coalitions with replacement, in proportion to the kernel (Lundberg & Lee
//    2017).
// O(m n^2 + n^3) for m questions.
class RegressionPlan final : public StagedPlan {
 public:
  RegressionPlan(const CreditOptions& options, bool leverage);

 protected:
  std::vector<Question> NextStage() override;
  bool Record(std::size_t k, const Question& question, const Answer& answer) override;
  absl::StatusOr<RawEstimate> Estimate() const override;

 private:
  // A coalition, alone or with its complement, and how often it was drawn.
  struct Sample {
    PlayerSet players;
    int draws = 1;
    std::int64_t first_draw = 0;  // of all draws, where single coalitions are drawn
  };

  void SamplePairs();
  void SampleSingles();
  PlayerSet RandomSubset(int size, std::uint64_t draw) const;
  double SizeWeight(int size, int drawn) const;
  // Of each sample that was asked, how often it was drawn before the first one that was not.
  std::vector<int> DrawsSoFar() const;

  bool leverage_;
  std::vector<Sample> samples_;  // in the order asked
  std::vector<int> draws_;       // the sample of each draw, where the plan may stop early
  std::size_t asked_ = 0;        // of samples_
  AnswerBook book_;
};

}  // namespace assay::credit

#endif  // ASSAY_SERVER_CREDIT_REGRESSION_PLAN_H_
