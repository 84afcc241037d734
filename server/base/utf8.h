// Text in UTF-8 (RFC 3629): whether it is, and where it may be cut.
#ifndef ASSAY_SERVER_BASE_UTF8_H_
#define ASSAY_SERVER_BASE_UTF8_H_

#include <cstddef>

#include "absl/strings/string_view.h"

namespace assay {

// The length of the character at the start of `text`; 0: there is none.
size_t CharacterAt(absl::string_view text);

// Whether `text` is whole characters from end to end. O(size).
bool IsUtf8(absl::string_view text);

// The longest beginning of `text` that has at most `max_bytes` and does not end inside a character.
absl::string_view CutText(absl::string_view text, size_t max_bytes);

}  // namespace assay

#endif  // ASSAY_SERVER_BASE_UTF8_H_
