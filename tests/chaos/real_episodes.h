// The episodes behind long runs: the samples of this repository, and real logs where they lie
// beside it.
#ifndef ASSAY_TESTS_CHAOS_REAL_EPISODES_H_
#define ASSAY_TESTS_CHAOS_REAL_EPISODES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "assay/v1/episode.pb.h"

namespace assay::chaos {

struct EpisodeFile {
  std::string name;  // without folder and endings
  std::vector<v1::Episode> episodes;
};

// tests/data/samples.
absl::StatusOr<std::vector<EpisodeFile>> ReadSamples();

// ../shared/data (or $ASSAY_SHARED/data), but for the oracles' files. Empty: it is not there.
absl::StatusOr<std::vector<EpisodeFile>> ReadSharedLogs();

}  // namespace assay::chaos

#endif  // ASSAY_TESTS_CHAOS_REAL_EPISODES_H_
