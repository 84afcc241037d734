#ifndef ASSAY_SERVER_BLAME_TEXT_PRIOR_FIT_H_
#define ASSAY_SERVER_BLAME_TEXT_PRIOR_FIT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/blame/text/mixed_prior.h"

namespace assay::blame {

// Labelled episodes of one kind: one team, one framework, one benchmark.
struct LabelledCollection {
  std::string source;
  std::vector<LabelledText> episodes;
  // One an episode: those of one question are never fitted on and predicted at once.
  std::vector<std::string> questions;
  int environment = 0;  // further episodes, whose label is on context
};

// What transfers, fitted with each collection weighing the same, and its share: that at which the
// collections gain most over uniform shares when each is left out in turn, and none of them loses
// more than the standard error. No features where there is no such share, or with fewer than three
// collections of four episodes.
struct GeneralFit {
  TextPrior prior;
  double share = 0;
  std::vector<Validation> left_out;  // one a collection
};
absl::StatusOr<GeneralFit> FitGeneralPrior(absl::Span<const LabelledCollection> collections);

// A collection gives a prior where, cross-validated by question in ten folds, it beats uniform
// shares by more than the standard error. What transfers is FitGeneralPrior's, or where that is
// nothing that of `shipped`.
// INVALID_ARGUMENT with the path of what is wrong. Deterministic; minutes for thousands of
// episodes.
absl::StatusOr<MixedPrior> FitMixedPrior(absl::Span<const LabelledCollection> collections,
                                         const MixedPrior& shipped);

// A fold in [0, folds) for each question, all episodes of a question in one. Where all share one
// question, by episode.
std::vector<int> FoldsByQuestion(const std::vector<std::string>& questions, int folds);

}  // namespace assay::blame

#endif  // ASSAY_SERVER_BLAME_TEXT_PRIOR_FIT_H_
