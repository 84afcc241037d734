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

// A plan whose result is what was found before it and what its own answers say, also where not all
// of them are there yet.
class DetailPhase : public Plan<Findings, Question, Answer> {
 public:
  bool done() const override { return ask().empty(); }
  const std::vector<Question>& ask() const override { return batch_; }
  absl::Status tell(absl::Span<const Answer> answers) final;
  // Once.
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

// Success: Owen values where `messages` questions are free or fit the budget, else prefix values,
// else (vote replay) the correctness of each message. Failure: the active search for the error, and
// with what it leaves of the budget Owen values as in a success; the other way round where Owen
// values are the evidence asked for. Never null; done() at once where nothing is to be asked.
// `credit` is one Shapley value an agent, or empty.
absl::StatusOr<std::unique_ptr<DetailPhase>> MakeDetailPhase(const DetailInputs& inputs,
                                                             const std::vector<double>& credit,
                                                             const Findings& findings);

}  // namespace assay::signals

#endif  // ASSAY_SERVER_SIGNALS_PHASES_DETAIL_PHASE_H_
