// The record that proves a result.
#ifndef ASSAY_SERVER_AUDIT_AUDIT_H_
#define ASSAY_SERVER_AUDIT_AUDIT_H_

#include "assay/v1/signals.pb.h"
#include "server/session/episode_work.h"
#include "server/session/group_result.h"
#include "server/session/group_work.h"
#include "server/signals/signals.h"

namespace assay::service {

// Adds to the effort who answered, and how ballots were counted.
void AddEvaluator(const EpisodeWork& work, v1::EpisodeSignals* wire);

// Adds the record that AUDIT_NONE, AUDIT_LEDGER or AUDIT_FULL asks for. It must be the last step,
// because the record's digest covers all of `wire`.
void AddAudit(const EpisodeWork& work, const signals::Signals& signals, v1::EpisodeSignals* wire);

// Adds the record of a group, with AUDIT_FULL alone. Only the record holds the answers about its
// teams.
void AddAudit(const GroupWork& work, const AskedTeams& asked, v1::GroupSignals* wire);

}  // namespace assay::service

#endif  // ASSAY_SERVER_AUDIT_AUDIT_H_
