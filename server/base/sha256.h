// SHA-256, which identifies contents: of episodes, prompts, tokens and audit records.
#ifndef ASSAY_SERVER_BASE_SHA256_H_
#define ASSAY_SERVER_BASE_SHA256_H_

#include <string>

#include "absl/strings/string_view.h"

namespace assay {

// The digest of `bytes`: 32 bytes, not hexadecimal digits.
std::string Sha256(absl::string_view bytes);

}  // namespace assay

#endif  // ASSAY_SERVER_BASE_SHA256_H_
