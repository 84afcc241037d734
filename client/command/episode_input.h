// Episodes as the command line reads them.
#ifndef ASSAY_CLIENT_COMMAND_EPISODE_INPUT_H_
#define ASSAY_CLIENT_COMMAND_EPISODE_INPUT_H_

#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "assay/v1/episode.pb.h"
#include "client/command/log_import.h"

namespace assay::command {

// The exit code of every command whose input, or a line of it, cannot be read.
inline constexpr int kUnreadableInput = 2;

enum class InputFormat : uint8_t { kEpisode, kLog };

struct EpisodeFormat {
  InputFormat kind = InputFormat::kEpisode;
  LogImportOptions log;  // of kLog
};

// One line. INVALID_ARGUMENT: it is no episode.
absl::StatusOr<v1::Episode> ParseEpisode(const std::string& line, const EpisodeFormat& format);

// Reads `file` to its end and calls `take` for each episode. INVALID_ARGUMENT with the number of
// the first line that is no episode; what was taken before stays taken.
absl::Status ForEachEpisode(int file, const EpisodeFormat& format,
                            absl::FunctionRef<void(v1::Episode)> take);

}  // namespace assay::command

#endif  // ASSAY_CLIENT_COMMAND_EPISODE_INPUT_H_
