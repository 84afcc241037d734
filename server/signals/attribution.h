// Attribution: the plan that makes signals of one episode (server/plan/plan.h).
#ifndef ASSAY_SERVER_SIGNALS_ATTRIBUTION_H_
#define ASSAY_SERVER_SIGNALS_ATTRIBUTION_H_

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/plan/plan.h"
#include "server/signals/counterfactual.h"
#include "server/signals/episode.h"
#include "server/signals/options.h"
#include "server/signals/signals.h"

namespace assay::signals {

class Attribution final : public Plan<Signals, Question, Answer> {
 public:
  // `episode`, `options` and `grades` must outlive the attribution. `scorer` as it is by default
  // says that there is no scorer. `grades` has the grade of each message's answer, or is empty
  // where the evaluator grades none.
  Attribution(const Episode& episode, const Options& options, const EvaluatorTraits& evaluator,
              const EvaluatorTraits& scorer = {}, absl::Span<const AnswerGrade> grades = {});
  ~Attribution() override;
  Attribution(const Attribution&) = delete;
  Attribution& operator=(const Attribution&) = delete;

  bool done() const override;

  const std::vector<Question>& ask() const override;

  // INVALID_ARGUMENT where an answer is not finite, lies outside the value range, or has scores of
  // the wrong length; the attribution then cannot go on.
  absl::Status tell(absl::Span<const Answer> answers) override;

  // True where the answers told so far allow an estimate (options.allow_partial).
  bool can_finish_early() const;

  // The signals, once; before done() a partial estimate (can_finish_early() must hold).
  // FAILED_PRECONDITION: nothing gives the episode a score.
  absl::StatusOr<Signals> finish() override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace assay::signals

#endif  // ASSAY_SERVER_SIGNALS_ATTRIBUTION_H_
