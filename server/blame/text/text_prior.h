#ifndef ASSAY_SERVER_BLAME_TEXT_TEXT_PRIOR_H_
#define ASSAY_SERVER_BLAME_TEXT_TEXT_PRIOR_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/blame/text/text_features.h"

namespace assay::blame {

enum class FeatureSet {
  kCollection,    // FeatureNames(): all that helps within one kind of episodes, places in the order
                  // too
  kTransferable,  // TransferFeatureNames(): what means the same in any team
};

const std::vector<std::string>& NamesOf(FeatureSet set);

// A conditional logit over the messages of an episode (McFadden 1974):
// P(first error = t) = exp(u_t) / sum over agents' messages s of exp(u_s), u = features . weights.
// Small and plain, so that a configuration can carry it as JSON.
struct TextPrior {
  std::vector<std::string> features;  // names, in any order; see NamesOf(set)
  std::vector<double> weights;        // one a feature, for the feature as it is (not standardised)
  // Share of the prior that stays uniform, in [0, 1]: no text rules a message out.
  double uniform = 0;
  int episodes = 0;  // it was fitted on this many
  FeatureSet set = FeatureSet::kCollection;
};

// INVALID_ARGUMENT where names are unknown or repeated, lengths differ, or a number is not finite
// or out of its range.
absl::Status Validate(const TextPrior& prior);

// pi over messages, 0 on context, sum 1 (all 0 where no agent spoke). O(bytes).
// Requires Validate(prior).ok().
std::vector<double> ApplyTextPrior(const TextPrior& prior, const TextEpisode& episode);

struct LabelledText {
  TextEpisode episode;
  int first_error = 0;  // a message of an agent
  double weight = 1;    // > 0: how much the episode counts in a fit
};

struct FitOptions {
  // Ridge on standardised weights; <= 0: chosen by cross-validation over the episodes.
  double ridge = 0;
  FeatureSet set = FeatureSet::kCollection;
};

// Fits by penalised maximum likelihood (L-BFGS); two episodes at least. INVALID_ARGUMENT with the
// path of the episode whose label is no message of an agent. Deterministic.
absl::StatusOr<TextPrior> FitTextPrior(absl::Span<const LabelledText> episodes,
                                       const FitOptions& options = {});

}  // namespace assay::blame

#endif  // ASSAY_SERVER_BLAME_TEXT_TEXT_PRIOR_H_
