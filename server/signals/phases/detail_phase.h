// The second part of an attribution: questions about messages, which only a known outcome makes
// worth asking.
#ifndef ASSAY_SERVER_SIGNALS_PHASES_DETAIL_PHASE_H_
#define ASSAY_SERVER_SIGNALS_PHASES_DETAIL_PHASE_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
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

class DetailPhase {
 public:
  virtual ~DetailPhase() = default;
  virtual bool done() const = 0;
  // Appends the next batch, at least one question unless done().
  virtual void Ask(std::vector<Question>& batch) const = 0;
  // One answer for each question; what they mean goes into `findings`.
  virtual absl::Status Tell(absl::Span<const Answer> answers, Findings& findings) = 0;
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
