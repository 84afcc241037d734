// Text in columns of a terminal. A column is a character, however many bytes it has.
#ifndef ASSAY_SERVER_BASE_COLUMNS_H_
#define ASSAY_SERVER_BASE_COLUMNS_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace assay {

size_t Columns(absl::string_view text);

// With blanks behind it, where it is shorter.
std::string Pad(absl::string_view text, size_t columns);

// The beginning of `text` on one line, of so many columns.
std::string Snippet(absl::string_view text, size_t columns);

}  // namespace assay

#endif  // ASSAY_SERVER_BASE_COLUMNS_H_
