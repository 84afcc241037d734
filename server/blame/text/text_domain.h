#ifndef ASSAY_SERVER_BLAME_TEXT_TEXT_DOMAIN_H_
#define ASSAY_SERVER_BLAME_TEXT_TEXT_DOMAIN_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/blame/text/text_reader.h"

namespace assay::blame {

// Names of the numbers that describe an episode as a whole: sizes, who speaks, how long, how often
// the words of each marker occur. Stable: a domain refers to them.
const std::vector<std::string>& DomainMeasures();

// One number a measure. O(bytes read).
std::vector<double> DescribeEpisode(const TextEpisode& episode);

// The kind of episodes that a prior was fitted on.
struct TextDomain {
  std::vector<double> mean;       // one a measure
  std::vector<double> deviation;  // > 0, one a measure
  // Of the standardised measures, shrunk towards the identity; symmetric and positive definite, row
  // by row.
  std::vector<double> covariance;
  // Squared Mahalanobis distances of the episodes themselves, each from the others (leave one out),
  // ascending; at most kMaxDistances of them, evenly spaced by rank.
  std::vector<double> distances;
};

inline constexpr size_t kMaxDistances = 200;

// INVALID_ARGUMENT where lengths differ, a number is not finite or out of range, or the covariance
// is not that of any distribution.
absl::Status Validate(const TextDomain& domain);

// The domain of episodes with these descriptions. INVALID_ARGUMENT: there are fewer than three.
// O(episodes^2 measures^2).
absl::StatusOr<TextDomain> FitDomain(absl::Span<const std::vector<double>> descriptions);

// Conformal p-value in [0, 1]: the share of the domain's own episodes that are at least as unusual
// in it as this one. Uniform for a new episode of the same kind; beyond all of them 1 / (episodes +
// 1) times the fourth power of how much closer the farthest of them is. Requires
// Validate(domain).ok().
double Familiarity(const TextDomain& domain, const std::vector<double>& description);

}  // namespace assay::blame

#endif  // ASSAY_SERVER_BLAME_TEXT_TEXT_DOMAIN_H_
