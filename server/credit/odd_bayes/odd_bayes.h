#ifndef ASSAY_SERVER_CREDIT_ODD_BAYES_ODD_BAYES_H_
#define ASSAY_SERVER_CREDIT_ODD_BAYES_ODD_BAYES_H_

#include <Eigen/Core>
#include <cstdint>
#include <vector>

#include "server/credit/answers.h"
#include "server/credit/odd_bayes/isotropic_prior.h"
#include "server/credit/odd_bayes/odd_prior.h"
#include "server/credit/odd_bayes/pair_design.h"
#include "server/credit/staged_plan.h"

// OddBayes: Shapley values from few coalition values, by Gaussian processes over the odd part of
// the game.
namespace assay::credit {

// The answers as observations of the odd part: both sides known give it outright, one side alone
// with the help of what the even part predicts for the other.
struct OddView {
  OddData data;                    // whole pairs first
  int whole = 0;                   // pairs with both sides known
  std::vector<double> even;        // of the whole pairs
  std::vector<double> even_noise;  // variance of their means
};

// The member of {players, complement} that holds agent n-1.
Coalition CanonicalPair(Coalition players, int n);

OddView ViewOdd(int n, const AnswerBook& book);

// Where the hyperparameter searches begin: the result of the stage before, or empty.
struct FitStart {
  Eigen::VectorXd isotropic;
  Eigen::VectorXd ard;
};

// A mixture of the posteriors of both priors, weighted by their leave-one-out log predictive
// density; and, where the answers take two values only, of the threshold model, weighted by its
// leave-one-out error. 1 <= n <= 64.
RawEstimate EstimateOddBayes(int n, const AnswerBook& book, double confidence,
                             const FitStart& start);

// Pairwise interactions from the even part of the pairs with both sides known (of many, the first
// 192); empty for n > 64 or without such a pair.
std::vector<PairInteraction> EstimateInteractions(int n, const AnswerBook& book);

class OddBayesPlan final : public StagedPlan {
 public:
  // 4 <= n <= 64, fewer than 2^n questions.
  explicit OddBayesPlan(const CreditOptions& options);

 protected:
  std::vector<CoalitionQuestion> NextStage() override;
  bool Record(std::size_t k, const CoalitionQuestion& question, const ValueAnswer& answer) override;
  absl::StatusOr<RawEstimate> Estimate() const override;

 private:
  std::vector<CoalitionQuestion> FirstStage();
  // Where the next stage ends, at least `step` questions from here unless the budget is spent.
  std::int64_t NextTarget(std::int64_t used, std::int64_t step) const;
  bool EvenPartIsKnown(const OddView& view, const IsotropicFit& fit) const;
  std::vector<Coalition> Candidates(const std::vector<Coalition>& so_far, int wanted) const;
  DesignSoFar SoFar(const OddView& view) const;
  std::vector<CoalitionQuestion> Ask(const std::vector<Coalition>& picks) const;

  AnswerBook book_;
  FitStart start_;
  int stage_ = 0;
  bool one_sided_ =
      false;  // the even part is known well enough: one side of each further pair will do
};

}  // namespace assay::credit

#endif  // ASSAY_SERVER_CREDIT_ODD_BAYES_ODD_BAYES_H_
