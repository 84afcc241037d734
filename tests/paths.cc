#include "tests/paths.h"

#include <cstdlib>

namespace assay::testing {

std::filesystem::path SourceFolder() { return ASSAY_SOURCE_DIR; }

std::filesystem::path SharedFolder() {
  const char* const given = std::getenv("ASSAY_SHARED");
  return given != nullptr ? std::filesystem::path(given) : SourceFolder().parent_path() / "shared";
}

}  // namespace assay::testing
