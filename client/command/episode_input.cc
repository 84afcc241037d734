#include "client/command/episode_input.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "client/command/json.h"
#include "client/command/line_reader.h"

namespace assay::command {

absl::StatusOr<v1::Episode> ParseEpisode(const std::string& line, const EpisodeFormat& format) {
  if (format.kind == InputFormat::kLog) return ImportLogRecord(line, format.log);
  v1::Episode episode;
  absl::Status status = FromJson(line, &episode);
  if (!status.ok()) return status;
  return episode;
}

absl::Status ForEachEpisode(int file, const EpisodeFormat& format,
                            absl::FunctionRef<void(v1::Episode)> take) {
  LineReader reader(file);
  std::string line;
  while (reader.Next(&line)) {
    absl::StatusOr<v1::Episode> episode = ParseEpisode(line, format);
    if (!episode.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("line ", reader.line_number(), ": ", episode.status().message()));
    }
    take(*std::move(episode));
  }
  return reader.status();
}

}  // namespace assay::command
