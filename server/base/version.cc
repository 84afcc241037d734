#include "server/base/version.h"

namespace assay {

absl::string_view Version() { return ASSAY_VERSION; }
absl::string_view Revision() { return ASSAY_REVISION; }

}  // namespace assay
