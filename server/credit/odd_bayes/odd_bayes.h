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

// The answers as observations of the odd part. Where both sides of a pair are known they give it
// outright; where one side is known, the even part predicts the other.
struct OddView {
  OddData data;                    // whole pairs first
  int whole = 0;                   // pairs with both sides known
  std::vector<double> even;        // of the whole pairs
  std::vector<double> even_noise;  // variance of their means
};

// The member of {players, complement} that holds agent n-1.
Coalition CanonicalPair(Coalition players, int n);

OddView ViewOdd(int n, const AnswerBook& book);

// Where the searches for hyperparameters begin: at the result of the stage before, or empty at the
// first stage.
struct FitStart {
  Eigen::VectorXd isotropic;
  Eigen::VectorXd ard;
};

// A mixture of the posteriors of both priors, weighted by their leave-one-out log predictive
// density; and, where the answers take two values only, of the threshold model, weighted by its
// leave-one-out error. Beyond kMaxThresholdTable agents the relevance prior is left out where the
// threshold model has nearly all the weight beside the isotropic one. 1 <= n <= 64.
RawEstimate EstimateOddBayes(int n, const AnswerBook& book, double confidence,
                             const FitStart& start);

// Pairwise interactions from the even part of the pairs of which both sides are known; only the
// first 192 such pairs are used. Empty for n > 64 or where there is no such pair.
std::vector<PairInteraction> EstimateInteractions(int n, const AnswerBook& book);

class OddBayesPlan final : public StagedPlan {
 public:
  // 4 <= n <= 64, fewer than 2^n questions.
  explicit OddBayesPlan(const CreditOptions& options);

 protected:
  std::vector<Question> NextStage() override;
  bool Record(std::size_t k, const Question& question, const Answer& answer) override;
  absl::StatusOr<RawEstimate> Estimate() const override;

 private:
  std::vector<Question> FirstStage();
  // Where the next stage ends, at least `step` questions from here unless the budget is spent.
  std::int64_t NextTarget(std::int64_t used, std::int64_t step) const;
  bool EvenPartIsKnown(const OddView& view, const IsotropicFit& fit) const;
  std::vector<Coalition> Candidates(const std::vector<Coalition>& so_far, int wanted) const;
  DesignSoFar SoFar(const OddView& view) const;
  std::vector<Question> Ask(const std::vector<Coalition>& picks) const;

  AnswerBook book_;
  FitStart start_;
  int stage_ = 0;
  // The even part is known so well that one side of each further pair is enough.
  bool one_sided_ = false;
};

}  // namespace assay::credit

#endif  // ASSAY_SERVER_CREDIT_ODD_BAYES_ODD_BAYES_H_
