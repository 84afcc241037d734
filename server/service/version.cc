#include "server/service/version.h"

namespace assay::service {

absl::string_view Version() { return ASSAY_VERSION; }
absl::string_view Revision() { return ASSAY_REVISION; }

}  // namespace assay::service
