// The result of an episode or a group as it goes out, with the record that proves it.
#ifndef ASSAY_SERVER_AUDIT_RESULT_H_
#define ASSAY_SERVER_AUDIT_RESULT_H_

#include "absl/status/statusor.h"
#include "assay/v1/signal_service.pb.h"
#include "server/session/episode_work.h"
#include "server/session/group_result.h"
#include "server/session/group_work.h"
#include "server/signals/signals.h"

namespace assay::service {

// The result of an episode without `elapsed`: signals with their audit, or the error that the
// attribution ended with, or RESOURCE_EXHAUSTED where the result is larger than max_response_bytes.
v1::EpisodeResult MakeResult(const EpisodeWork& work, absl::StatusOr<signals::Signals> signals);
// The same into an empty `result`.
void MakeResult(const EpisodeWork& work, absl::StatusOr<signals::Signals> signals,
                v1::EpisodeResult* result);

// The result of a group, into an empty `result`.
void MakeResult(const GroupWork& work, const AskedTeams& asked, v1::GroupResult* result);

}  // namespace assay::service

#endif  // ASSAY_SERVER_AUDIT_RESULT_H_
