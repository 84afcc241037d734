#include "client/command/episode_input.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/command/json.h"
#include "client/command/line_reader.h"
#include "server/base/utf8.h"

namespace assay::command {

namespace {

// Of what JSON says of texts, that which its parser lets pass.
absl::Status CheckText(absl::string_view line) {
  absl::string_view rest = line;
  while (!rest.empty()) {
    const size_t size = CharacterAt(rest);
    if (size == 0) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "byte 0x%02x at %d is not UTF-8; write the file again as UTF-8 (iconv -f ENCODING -t "
          "UTF-8)",
          static_cast<unsigned char>(rest.front()), line.size() - rest.size() + 1));
    }
    if (rest.front() == '\0') {
      return absl::InvalidArgumentError(
          absl::StrFormat("byte 0x00 at %d is no text", line.size() - rest.size() + 1));
    }
    rest.remove_prefix(size);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::Episode> ParseEpisode(const std::string& line, const EpisodeFormat& format) {
  if (absl::Status text = CheckText(line); !text.ok()) return text;
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
