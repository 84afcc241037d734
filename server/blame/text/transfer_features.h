#ifndef ASSAY_SERVER_BLAME_TEXT_TRANSFER_FEATURES_H_
#define ASSAY_SERVER_BLAME_TEXT_TRANSFER_FEATURES_H_

#include <string>
#include <vector>

#include "server/blame/text/text_reader.h"

namespace assay::blame {

// Names of the features that mean the same in any team, in the order of a row: who acts and what
// comes back, errors and their echoes, retries, contradictions, the answer, and hand-overs. None
// names a place in the order, an agent's name or a task. Stable: a fitted prior refers to them.
const std::vector<std::string>& TransferFeatureNames();

// One row of TransferFeatureNames().size() numbers in [0, 1] a message (0 on context), row by row.
// Only the first kReadBytes of a message are read. O(bytes read + T).
std::vector<double> TransferFeatures(const TextEpisode& episode);

}  // namespace assay::blame

#endif  // ASSAY_SERVER_BLAME_TEXT_TRANSFER_FEATURES_H_
