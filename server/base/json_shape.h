// The shape of JSON that is refused before protobuf parses it.
#ifndef ASSAY_SERVER_BASE_JSON_SHAPE_H_
#define ASSAY_SERVER_BASE_JSON_SHAPE_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace assay {

// Protobuf's parser takes time with the square of the depth.
inline constexpr int kMaxJsonDepth = 100;

// INVALID_ARGUMENT: `json` is nested deeper than kMaxJsonDepth, or holds a list directly within a
// list and `matrices` is false: no message of the wire has such a field, and protobuf would flatten
// it without a word. Everything else that is wrong is left to the parser. O(size).
absl::Status CheckJsonShape(absl::string_view json, bool matrices);

// An upper bound of the bytes of memory that `json` takes once it is parsed, beside its own text.
// For ordinary text it is a few times too high. O(size).
int64_t JsonMemory(absl::string_view json);
// Of a byte at most.
inline constexpr int64_t kMaxJsonMemoryOfByte = 401;

}  // namespace assay

#endif  // ASSAY_SERVER_BASE_JSON_SHAPE_H_
