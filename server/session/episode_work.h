// One episode, from the request that brings it to the result that answers it. Streams, unary calls
// and the HTTP gateway all use this, which is why the three give the same bytes for the same
// episode.
#ifndef ASSAY_SERVER_SESSION_EPISODE_WORK_H_
#define ASSAY_SERVER_SESSION_EPISODE_WORK_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "assay/v1/episode.pb.h"
#include "assay/v1/signal_service.pb.h"
#include "server/engine/engine.h"
#include "server/session/admission.h"
#include "server/session/session_observer.h"
#include "server/wire/limits.h"
#include "server/wire/resolve_options.h"

namespace assay::service {

struct EpisodeWork {
  std::shared_ptr<const v1::Episode> episode;
  std::shared_ptr<const ResolvedOptions> options;
  std::shared_ptr<evaluation::Evaluator> evaluator;
  std::shared_ptr<const evaluation::EpisodeContext> context;
  // Whether each step of its work costs less than some ten hand-overs to a worker.
  bool brief = false;

  // What the engine runs; it ends at `timeout` from its start.
  engine::EpisodeJob Job(absl::Duration timeout) const;
};

// Validates and converts an episode. `bytes` is its serialised size.
absl::StatusOr<EpisodeWork> AcceptEpisode(std::shared_ptr<const v1::Episode> episode, int64_t bytes,
                                          std::shared_ptr<const ResolvedOptions> options,
                                          const Limits& limits);

// The evaluator of this episode: the one that the options chose, or else the one for which the
// episode carries what it needs.
std::shared_ptr<evaluation::Evaluator> EvaluatorFor(const v1::Episode& episode,
                                                    const ResolvedOptions& options);

// Whether the work is brief and waits for nobody's answer, so that a worker takes several at once.
bool IsShort(const EpisodeWork& work);

// Bytes of memory that the plan takes while it is worked on: for a table of coalitions, or for
// questions and their answers.
int64_t PlanMemory(const EpisodeWork& work);

// Bytes of memory that an episode of `bytes` on the wire counts for until it is answered.
int64_t MemoryOf(const v1::Episode& episode, int64_t bytes);

// The error of an episode or a call that was turned away because of what is in flight.
absl::Status NotAdmitted(Admission::Entry entry, absl::Duration retry_after);
RejectReason ReasonOf(Admission::Entry entry);

v1::EpisodeResult MakeError(absl::string_view episode_id, const absl::Status& status);

void SetElapsed(absl::Duration elapsed, v1::EpisodeResult* result);

}  // namespace assay::service

#endif  // ASSAY_SERVER_SESSION_EPISODE_WORK_H_
