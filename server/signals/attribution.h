// Attribution: a plan that is asked for questions and told the answers.
//
//   Attribution plan(episode, options, evaluator_traits, scorer_traits);
//   while (!plan.done()) { answers = <evaluate plan.ask()>; plan.tell(answers); }
//   StatusOr<Signals> signals = plan.finish();
//
// Pure and deterministic: the result depends on the arguments and the answers only, never on who
// answered, when, or in which order. Not thread safe; one owner at a time.
#ifndef ASSAY_SERVER_SIGNALS_ATTRIBUTION_H_
#define ASSAY_SERVER_SIGNALS_ATTRIBUTION_H_

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/signals/counterfactual.h"
#include "server/signals/episode.h"
#include "server/signals/options.h"
#include "server/signals/signals.h"

namespace assay::signals {

class Attribution {
 public:
  // `episode`, `options` and `grades` must outlive the attribution. A default-constructed scorer
  // traits means that there is no scorer. `grades`: of the messages' answers, one a message, or
  // empty where the evaluator grades none.
  Attribution(const Episode& episode, const Options& options, const EvaluatorTraits& evaluator,
              const EvaluatorTraits& scorer = {}, absl::Span<const AnswerGrade> grades = {});
  ~Attribution();
  Attribution(const Attribution&) = delete;
  Attribution& operator=(const Attribution&) = delete;

  // True when nothing is left to ask.
  bool done() const;

  // The next batch: never empty unless done(). Stable until tell(). Questions of one batch are
  // independent of each other and may be evaluated in any order.
  const std::vector<Question>& ask() const;

  // One answer for each question of ask(), in that order. INVALID_ARGUMENT where an answer is not
  // finite, lies outside the value range, or has scores of the wrong length; the attribution then
  // cannot go on.
  absl::Status tell(absl::Span<const Answer> answers);

  // True where the answers told so far allow an estimate (options.allow_partial).
  bool can_finish_early() const;

  // The signals; before done() a partial estimate (can_finish_early() must hold).
  // FAILED_PRECONDITION: nothing gives the episode a score.
  absl::StatusOr<Signals> finish();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace assay::signals

#endif  // ASSAY_SERVER_SIGNALS_ATTRIBUTION_H_
