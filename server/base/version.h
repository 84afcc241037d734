#ifndef ASSAY_SERVER_BASE_VERSION_H_
#define ASSAY_SERVER_BASE_VERSION_H_

#include "absl/strings/string_view.h"

namespace assay {

// Semantic version of the software.
absl::string_view Version();
// Commit it was built from; empty where unknown.
absl::string_view Revision();

}  // namespace assay

#endif  // ASSAY_SERVER_BASE_VERSION_H_
