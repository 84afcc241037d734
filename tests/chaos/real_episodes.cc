#include "tests/chaos/real_episodes.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/input/episode_input.h"
#include "tests/paths.h"

namespace assay::chaos {
namespace {

namespace fs = std::filesystem;

absl::StatusOr<EpisodeFile> ReadFile(const fs::path& path, const command::EpisodeFormat& format) {
  EpisodeFile file;
  file.name = path.filename().string();
  file.name.resize(file.name.find('.'));
  const absl::Status read = command::ForEachEpisode(
      path.string(), format, [&file](const std::string&, v1::Episode episode) {
        file.episodes.push_back(std::move(episode));
      });
  if (!read.ok()) return read;
  return file;
}

// In the order of their names.
absl::StatusOr<std::vector<EpisodeFile>> ReadFolder(const fs::path& folder,
                                                    const std::string& ending,
                                                    const command::EpisodeFormat& format) {
  std::vector<fs::path> paths;
  std::error_code absent;
  for (const auto& entry : fs::directory_iterator(folder, absent)) {
    const std::string name = entry.path().filename().string();
    if (absl::EndsWith(name, ending) && !absl::StartsWith(name, "oracle_")) {
      paths.push_back(entry.path());
    }
  }
  std::sort(paths.begin(), paths.end());
  std::vector<EpisodeFile> files;
  for (const fs::path& path : paths) {
    absl::StatusOr<EpisodeFile> file = ReadFile(path, format);
    if (!file.ok()) return file.status();
    files.push_back(*std::move(file));
  }
  return files;
}

}  // namespace

absl::StatusOr<std::vector<EpisodeFile>> ReadSamples() {
  return ReadFolder(testing::SourceFolder() / "tests/data/samples", ".jsonl", {});
}

absl::StatusOr<std::vector<EpisodeFile>> ReadSharedLogs() {
  command::EpisodeFormat format;
  format.kind = command::InputFormat::kLog;
  format.log.context_agents = {"user", "tool:*"};
  return ReadFolder(testing::SharedFolder() / "data", ".jsonl.gz", format);
}

}  // namespace assay::chaos
