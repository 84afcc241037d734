// What the targets share that take episodes.
#ifndef ASSAY_TESTS_FUZZ_EPISODES_H_
#define ASSAY_TESTS_FUZZ_EPISODES_H_

#include <memory>

#include "assay/v1/episode.pb.h"
#include "assay/v1/options.pb.h"
#include "server/wire/resolve_options.h"
#include "tests/fuzz/mutator.h"

namespace assay::fuzz {

// Options and an episode that mostly validate: ids that exist, numbers in their ranges.
void MendOptions(v1::AttributionOptions* options, Random& random);
void MendEpisode(const v1::AttributionOptions& options, v1::Episode* episode, Random& random);

// Evaluators that answer every kind of question by a hash of it: "exact", "noisy" and, without a
// price, "free".
const service::Catalog& HashEvaluators();

}  // namespace assay::fuzz

#endif  // ASSAY_TESTS_FUZZ_EPISODES_H_
