#ifndef ASSAY_SERVER_BASE_VERSION_H_
#define ASSAY_SERVER_BASE_VERSION_H_

#include <string>

#include "absl/strings/string_view.h"

namespace assay {

// The semantic version of the software, such as "0.2.0".
absl::string_view Version();
// The commit that the software was built from; empty where it is unknown.
absl::string_view Revision();
// What `PROGRAM --version` prints: the version, and in parentheses the commit and its date where
// they are known, such as "assayd 0.2.0 (1a2b3c4d5e6f, 2026-11-30)".
std::string VersionLine(absl::string_view program);

}  // namespace assay

#endif  // ASSAY_SERVER_BASE_VERSION_H_
