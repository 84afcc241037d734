#ifndef ASSAY_SERVER_BLAME_TEXT_TEXT_FEATURES_H_
#define ASSAY_SERVER_BLAME_TEXT_TEXT_FEATURES_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace assay::blame {

// An episode as its reader sees it.
struct TextMessage {
  absl::string_view agent;  // the name that it is known by; context may have one too (a tool)
  absl::string_view content;
  bool is_context = false;
};

struct TextEpisode {
  absl::string_view task;
  std::vector<TextMessage> messages;
};

// Names of the features, in the order of a row. Stable: a fitted prior refers to them.
const std::vector<std::string>& FeatureNames();

// One row of FeatureNames().size() finite numbers a message (context included: others refer to it),
// row by row. Only the first 20,000 bytes of a message are read. O(bytes read + T).
std::vector<double> TextFeatures(const TextEpisode& episode);

}  // namespace assay::blame

#endif  // ASSAY_SERVER_BLAME_TEXT_TEXT_FEATURES_H_
