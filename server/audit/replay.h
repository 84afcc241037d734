// A result computed again from its record.
#ifndef ASSAY_SERVER_AUDIT_REPLAY_H_
#define ASSAY_SERVER_AUDIT_REPLAY_H_

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "assay/v1/episode.pb.h"
#include "assay/v1/signals.pb.h"

namespace assay::service {

// Computes the signals again from the record and the episode alone, by replaying the recorded
// answers. FAILED_PRECONDITION: there is no AUDIT_FULL record, or this build does not know its
// options. DATA_LOSS: the episode is not the one recorded, or the record does not hold the
// questions that are asked.
absl::StatusOr<v1::EpisodeSignals> Replay(const v1::EpisodeSignals& recorded,
                                          const v1::Episode& episode);

// OK where Replay gives `recorded` again to the last bit. DATA_LOSS names the first difference.
absl::Status Verify(const v1::EpisodeSignals& recorded, const v1::Episode& episode);

// A member of a group: its episode and its signals, null where they are not known.
struct RecordedMember {
  const v1::Episode* episode = nullptr;
  const v1::EpisodeSignals* signals = nullptr;
};
// By episode id.
using FindMember = absl::FunctionRef<RecordedMember(const std::string&)>;

// The same for a group, from its record, its episodes and their signals. Recombined values come
// from the recorded answers or, of a vote, from the ballots; advantages and pairs are computed
// anew. NOT_FOUND: a member is not known.
absl::StatusOr<v1::GroupSignals> Replay(const v1::GroupSignals& recorded, FindMember find);
absl::Status Verify(const v1::GroupSignals& recorded, FindMember find);

}  // namespace assay::service

#endif  // ASSAY_SERVER_AUDIT_REPLAY_H_
