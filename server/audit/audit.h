// The record that proves a result, and computing the result again from it.
#ifndef ASSAY_SERVER_AUDIT_AUDIT_H_
#define ASSAY_SERVER_AUDIT_AUDIT_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "assay/v1/episode.pb.h"
#include "assay/v1/signals.pb.h"
#include "server/session/episode_work.h"
#include "server/signals/signals.h"

namespace assay::service {

// Who answered, and how ballots were counted.
void AddEvaluator(const EpisodeWork& work, v1::EpisodeSignals* wire);

// As AUDIT_NONE, AUDIT_LEDGER or AUDIT_FULL ask. The last step: the record's digest covers all of
// `wire`.
void AddAudit(const EpisodeWork& work, const signals::Signals& signals, v1::EpisodeSignals* wire);

// The signals again, from the record and the episode alone, by replaying the recorded answers.
// FAILED_PRECONDITION: no AUDIT_FULL record, or by options this build does not know. DATA_LOSS: the
// episode is not the one recorded, or the record does not hold the questions that are asked.
absl::StatusOr<v1::EpisodeSignals> Replay(const v1::EpisodeSignals& recorded,
                                          const v1::Episode& episode);

// OK where Replay gives `recorded` again to the last bit. DATA_LOSS names the first difference.
absl::Status Verify(const v1::EpisodeSignals& recorded, const v1::Episode& episode);

}  // namespace assay::service

#endif  // ASSAY_SERVER_AUDIT_AUDIT_H_
