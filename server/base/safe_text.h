// Text that a stranger wrote, made fit to be sent on.
#ifndef ASSAY_SERVER_BASE_SAFE_TEXT_H_
#define ASSAY_SERVER_BASE_SAFE_TEXT_H_

#include <string>

#include "absl/strings/string_view.h"

namespace assay {

// The beginning of `text`, at most 1 KiB of whole UTF-8 characters. Any byte that belongs to no
// character becomes '?'.
std::string SafeText(absl::string_view text);

}  // namespace assay

#endif  // ASSAY_SERVER_BASE_SAFE_TEXT_H_
