#ifndef ASSAY_SERVER_CREDIT_PERMUTATION_PLAN_H_
#define ASSAY_SERVER_CREDIT_PERMUTATION_PLAN_H_

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "server/credit/answers.h"
#include "server/credit/staged_plan.h"

namespace assay::credit {

// Credit as the mean marginal over random orders (Castro, Gomez & Tejada 2009), with each order its
// reverse where `antithetic` (Mitchell et al. 2022). With a-priori unions the orders keep each
// union together, which gives the Owen value. Questions that several orders share are asked once.
class PermutationPlan final : public StagedPlan {
 public:
  // `unions` holds the members of each union. Empty means that every player stands alone.
  PermutationPlan(const CreditOptions& options, bool antithetic,
                  std::vector<std::vector<int>> unions);

 protected:
  std::vector<Question> NextStage() override;
  bool Record(std::size_t k, const Question& question, const Answer& answer) override;
  absl::StatusOr<RawEstimate> Estimate() const override;

 private:
  // Players in groups that join one after the other; a group of several shares its marginal
  // equally.
  using Chain = std::vector<std::vector<int>>;
  // Chains drawn together, independent of the other draws.
  using Draw = std::vector<Chain>;

  std::vector<int> Order(std::uint64_t index) const;
  Draw DrawOrders(std::uint64_t index) const;
  // Adds the draw's questions to the stage if they fit the budget.
  bool Plan(const Draw& draw, std::vector<Question>& stage);
  void FillRest(std::vector<Question>& stage);
  void RepeatEnds(std::vector<Question>& stage);
  std::vector<PlayerSet> Prefixes(const Chain& chain) const;
  // The chain's marginals added to `credit`; false where an answer is missing.
  bool AddMarginals(const Chain& chain, double weight, std::vector<double>& credit) const;

  bool antithetic_;
  std::vector<std::vector<int>> unions_;
  std::vector<Draw> draws_;
  std::uint64_t next_draw_ = 0;
  absl::flat_hash_set<PlayerSet> asked_;
  std::int64_t repeats_ = 0;
  AnswerBook book_;
};

}  // namespace assay::credit

#endif  // ASSAY_SERVER_CREDIT_PERMUTATION_PLAN_H_
