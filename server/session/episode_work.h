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

// Validates and converts. `bytes`: the episode's serialised size.
absl::StatusOr<EpisodeWork> AcceptEpisode(std::shared_ptr<const v1::Episode> episode, int64_t bytes,
                                          std::shared_ptr<const ResolvedOptions> options,
                                          const Limits& limits);

// Who answers for this episode: the one the options chose, or by what the episode carries.
std::shared_ptr<evaluation::Evaluator> EvaluatorFor(const v1::Episode& episode,
                                                    const ResolvedOptions& options);

// Brief, and nobody's answer is waited for: a worker takes several at once.
bool IsShort(const EpisodeWork& work);

// Memory of its plan while it is worked on: a table of coalitions, or questions and their answers.
int64_t PlanMemory(const EpisodeWork& work);

// Memory that an episode of `bytes` on the wire counts for until it is answered.
int64_t MemoryOf(const v1::Episode& episode, int64_t bytes);

// Why an episode or a call was turned away by what is in flight.
absl::Status NotAdmitted(Admission::Entry entry, absl::Duration retry_after);
RejectReason ReasonOf(Admission::Entry entry);

v1::EpisodeResult MakeError(absl::string_view episode_id, const absl::Status& status);

void SetElapsed(absl::Duration elapsed, v1::EpisodeResult* result);

}  // namespace assay::service

#endif  // ASSAY_SERVER_SESSION_EPISODE_WORK_H_
