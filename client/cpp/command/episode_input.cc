#include "client/cpp/command/episode_input.h"

#include "client/cpp/command/json.h"

namespace assay::command {

absl::StatusOr<v1::Episode> ParseEpisode(const std::string& line, const EpisodeFormat& format) {
  if (format.kind == InputFormat::kLog) return ImportLogRecord(line, format.log);
  v1::Episode episode;
  absl::Status status = FromJson(line, &episode);
  if (!status.ok()) return status;
  return episode;
}

}  // namespace assay::command
