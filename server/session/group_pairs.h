// Preferences between the episodes of a group.
#ifndef ASSAY_SERVER_SESSION_GROUP_PAIRS_H_
#define ASSAY_SERVER_SESSION_GROUP_PAIRS_H_

#include "assay/v1/signals.pb.h"
#include "server/recombination/group_plan.h"
#include "server/session/group_work.h"
#include "server/signals/options.h"

namespace assay::service {

// Whether the options ask for any: a group must then keep the transcripts of its members.
bool WantsPairs(const signals::Options& options);

// SIBLING, SUFFIX and TRAJECTORY pairs of the members' transcripts, and PEER pairs. A message is
// worth its author's recombined value and a quarter of its author's credit; where there are no
// recombined values (`recombined` is null), its credit.
void AddPairs(const GroupWork& work, const recombination::Recombined* recombined,
              v1::GroupSignals* wire);

}  // namespace assay::service

#endif  // ASSAY_SERVER_SESSION_GROUP_PAIRS_H_
