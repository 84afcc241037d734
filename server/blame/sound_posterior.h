#ifndef ASSAY_SERVER_BLAME_SOUND_POSTERIOR_H_
#define ASSAY_SERVER_BLAME_SOUND_POSTERIOR_H_

#include "server/blame/posterior.h"

namespace assay::blame {

// The posterior of a success in which nothing locates an error: no annotation, mark, rollout,
// prefix value, correction or score. Its probabilities of an error would be the prior and are left
// out: of ComputePosterior it has `high`, `log_ratio`, `prior` and `tier`, and claims nothing.
Posterior SoundPosterior(const Evidence& evidence, const Parameters& parameters = {},
                         const PosteriorOptions& options = {});

}  // namespace assay::blame

#endif  // ASSAY_SERVER_BLAME_SOUND_POSTERIOR_H_
