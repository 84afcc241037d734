// Reading whole files: configuration, keys, prompts, options.
#ifndef ASSAY_SERVER_BASE_READ_FILE_H_
#define ASSAY_SERVER_BASE_READ_FILE_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace assay {

// Larger files are a mistake (a device, a log): nothing that a server is configured with needs
// more.
inline constexpr int64_t kMaxFileBytes = int64_t{4} << 20;

// INVALID_ARGUMENT: "cannot read PATH: " and what the number of the error (errno) means.
absl::Status CannotRead(absl::string_view path, int error_number);

// The bytes of the file. INVALID_ARGUMENT, which names the path and says why: it cannot be read, is
// a folder, or is larger than `max_bytes`.
absl::StatusOr<std::string> ReadFile(const std::string& path, int64_t max_bytes = kMaxFileBytes);

}  // namespace assay

#endif  // ASSAY_SERVER_BASE_READ_FILE_H_
