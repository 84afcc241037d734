#include "server/audit/result.h"

#include <utility>

#include "server/audit/audit.h"
#include "server/wire/convert.h"
#include "server/wire/errors.h"

namespace assay::service {
namespace {

// What the envelope around an episode's signals may add: `elapsed`, tags and lengths.
constexpr int64_t kEnvelopeBytes = 64;

}  // namespace

v1::EpisodeResult MakeResult(const EpisodeWork& work, absl::StatusOr<signals::Signals> signals) {
  v1::EpisodeResult result;
  MakeResult(work, std::move(signals), &result);
  return result;
}

void MakeResult(const EpisodeWork& work, absl::StatusOr<signals::Signals> signals,
                v1::EpisodeResult* result) {
  if (!signals.ok()) {
    *result = MakeError(work.episode->id(), signals.status());
    return;
  }
  result->set_episode_id(work.episode->id());
  v1::EpisodeSignals* wire = result->mutable_signals();
  SignalsToWire(*signals, *work.episode, wire);
  AddEvaluator(work, wire);
  AddAudit(work, *signals, wire);
  const auto needed = static_cast<int64_t>(result->ByteSizeLong()) + kEnvelopeBytes;
  if (needed > work.options->max_response_bytes) {
    *result =
        MakeError(work.episode->id(), ResponseTooLarge(needed, work.options->max_response_bytes));
  }
}

void MakeResult(const GroupWork& work, const AskedTeams& asked, v1::GroupResult* result) {
  MakeGroupResult(work, asked, result);
  if (result->has_signals()) AddAudit(work, asked, result->mutable_signals());
  FitInto(work.options->max_response_bytes, result);
}

}  // namespace assay::service
