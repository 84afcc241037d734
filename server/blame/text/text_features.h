#ifndef ASSAY_SERVER_BLAME_TEXT_TEXT_FEATURES_H_
#define ASSAY_SERVER_BLAME_TEXT_TEXT_FEATURES_H_

#include <string>
#include <vector>

#include "server/blame/text/text_reader.h"

namespace assay::blame {

// Names of the features, in the order of a row. Stable: a fitted prior refers to them.
const std::vector<std::string>& FeatureNames();

// One row of FeatureNames().size() finite numbers a message (context included: others refer to it),
// row by row. Only the first 20,000 bytes of a message are read. O(bytes read + T).
std::vector<double> TextFeatures(const TextEpisode& episode);

}  // namespace assay::blame

#endif  // ASSAY_SERVER_BLAME_TEXT_TEXT_FEATURES_H_
