// The second part of an attribution: questions about messages, which only a known outcome makes
// worth asking.
#ifndef ASSAY_SERVER_SIGNALS_PHASES_DETAIL_PHASE_H_
#define ASSAY_SERVER_SIGNALS_PHASES_DETAIL_PHASE_H_

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/plan/plan.h"
#include "server/signals/counterfactual.h"
#include "server/signals/episode.h"
#include "server/signals/findings.h"
#include "server/signals/options.h"

namespace assay::signals {

struct DetailInputs {
  const Episode& episode;
  const Options& options;
  const EvaluatorTraits& traits;
  double score = 0;            // y
  int64_t questions_left = 0;  // of the budget
};

// A plan whose result is what was found before it together with what its own answers say. The
// result can be taken before all answers are there.
class DetailPhase : public Plan<Findings, Question, Answer> {
 public:
  bool done() const override { return ask().empty(); }
  const std::vector<Question>& ask() const override { return batch_; }
  absl::Status tell(absl::Span<const Answer> answers) final;
  // May be called once.
  absl::StatusOr<Findings> finish() override { return std::move(findings_); }

 protected:
  DetailPhase(Findings before, std::vector<Question> batch)
      : batch_(std::move(batch)), findings_(std::move(before)) {}

  // One answer for each question of the batch: enters what they mean into `findings_`, and replaces
  // or clears `batch_`.
  virtual absl::Status Take(absl::Span<const Answer> answers) = 0;

  std::vector<Question> batch_;  // what is asked next; empty: done
  Findings findings_;
};

// The questions about the messages of an episode. In a success they ask for Owen values where
// `messages` questions are free or fit the budget, else for prefix values, else (vote replay)
// whether each message's answer is right. In a failure they are those of the search for the first
// error and, with what it leaves of the budget, of Owen values; the other way round where Owen
// values are the evidence that was asked for. Never null; done() from the start where nothing is to
// be asked. `credit` has one Shapley value for each agent, or is empty.
absl::StatusOr<std::unique_ptr<DetailPhase>> MakeDetailPhase(const DetailInputs& inputs,
                                                             const std::vector<double>& credit,
                                                             const Findings& findings);

}  // namespace assay::signals

#endif  // ASSAY_SERVER_SIGNALS_PHASES_DETAIL_PHASE_H_
