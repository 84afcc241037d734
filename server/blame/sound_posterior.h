#ifndef ASSAY_SERVER_BLAME_SOUND_POSTERIOR_H_
#define ASSAY_SERVER_BLAME_SOUND_POSTERIOR_H_

#include "server/blame/posterior.h"

namespace assay::blame {

// The posterior of a success in which nothing locates an error, because there is no annotation,
// mark, rollout, prefix value, correction or score. Its probabilities of an error would be those of
// the prior, so they are left at 0: of the fields that ComputePosterior fills it fills `high`,
// `log_ratio`, `prior` and `tier`, and it claims nothing.
Posterior SoundPosterior(const Evidence& evidence, const Parameters& parameters = {},
                         const PosteriorOptions& options = {});

}  // namespace assay::blame

#endif  // ASSAY_SERVER_BLAME_SOUND_POSTERIOR_H_
