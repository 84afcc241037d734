// The result of a group from what is known of its members. Bytes do not depend on who computes
// them.
#ifndef ASSAY_SERVER_SESSION_GROUP_RESULT_H_
#define ASSAY_SERVER_SESSION_GROUP_RESULT_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "assay/v1/signal_service.pb.h"
#include "server/recombination/group_plan.h"
#include "server/session/answered_member.h"
#include "server/session/group_work.h"
#include "server/wire/limits.h"

namespace assay::service {

// What came of asking about a group's teams; unset: nothing was asked.
using AskedTeams = std::optional<absl::StatusOr<recombination::Recombined>>;

// Advantages of the members, and preferences between those whose transcript is known. Where values
// were to be asked for and there are none, the group does without and says why. FAILED_PRECONDITION
// in place of the signals where no member was answered, or the options name a part of the
// advantages that the members do not support. Into an empty `result`.
void MakeGroupResult(const GroupWork& work, const AskedTeams& asked, v1::GroupResult* result);

// Puts RESOURCE_EXHAUSTED in place of a result that is larger than `max_response_bytes`.
void FitInto(int64_t max_response_bytes, v1::GroupResult* result);

// ComputeAdvantages: a pure function of the request.
absl::StatusOr<v1::ComputeAdvantagesResponse> ComputeAdvantages(
    const v1::ComputeAdvantagesRequest& request, const Limits& limits);

}  // namespace assay::service

#endif  // ASSAY_SERVER_SESSION_GROUP_RESULT_H_
