#include "server/base/version.h"

#include "absl/strings/str_cat.h"
#include "server/base/revision.h"

namespace assay {

absl::string_view Version() { return ASSAY_VERSION; }
absl::string_view Revision() { return ASSAY_REVISION; }

std::string VersionLine(absl::string_view program) {
  std::string line = absl::StrCat(program, " ", ASSAY_VERSION);
  const absl::string_view revision = ASSAY_REVISION;
  const absl::string_view date = ASSAY_DATE;
  if (!revision.empty())
    absl::StrAppend(&line, " (", revision, date.empty() ? "" : ", ", date, ")");
  return line;
}

}  // namespace assay
