#include "server/blame/sound_posterior.h"

#include <cmath>
#include <vector>

#include "server/blame/passes.h"
#include "server/blame/rates.h"

namespace assay::blame {

Posterior SoundPosterior(const Evidence& evidence, const Parameters& parameters,
                         const PosteriorOptions& options) {
  const std::vector<RateLevel> levels = Levels(evidence, parameters);
  if (levels.size() > 1) return ComputePosterior(evidence, parameters, options);
  Posterior out;
  out.prior = NormalisedPrior(evidence);
  out.log_ratio.assign(evidence.authors.size(), 0.0);
  const Chain chain = BuildChain(evidence, out.prior, out.log_ratio, parameters, options.definition,
                                 levels.front());
  NodeNumbers log_step;
  const Pass forward = Forward(chain, log_step);
  // The factors contradict each other, and one must give way.
  if (std::isinf(log_step.back())) return ComputePosterior(evidence, parameters, options);
  out.high = HighStates(forward, Backward(chain, log_step));
  out.tier = IsFromText(evidence.prior_used) ? Tier::kText : Tier::kNone;
  return out;
}

}  // namespace assay::blame
