#include "client/input/episode_input.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/input/read_json.h"
#include "server/base/read_file.h"

namespace assay::command {
namespace {

absl::StatusOr<v1::Episode> Parse(const Record& record, const EpisodeFormat& format) {
  if (!record.fault.empty()) return absl::InvalidArgumentError(record.fault);
  if (format.kind == InputFormat::kLog) return ImportLogRecord(record.json, format.log);
  v1::Episode episode;
  absl::Status status = ReadJson(record.json, &episode);
  if (!status.ok()) return status;
  NameAgents(&episode);
  ApplyChoices(format.log, &episode);
  return episode;
}

}  // namespace

absl::StatusOr<std::unique_ptr<InputFile>> InputFile::Open(const std::string& name) {
  if (name == "-") return std::unique_ptr<InputFile>(new InputFile(STDIN_FILENO));
  const int fd = open(name.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat about = {};
  if (fd < 0) return CannotRead(name, errno);
  std::unique_ptr<InputFile> file(new InputFile(fd));
  if (fstat(fd, &about) == 0 && S_ISDIR(about.st_mode)) return CannotRead(name, EISDIR);
  return file;
}

InputFile::~InputFile() {
  if (fd_ != STDIN_FILENO) close(fd_);
}

EpisodeReader::EpisodeReader(std::vector<std::string> names, EpisodeFormat format)
    : names_(std::move(names)), format_(std::move(format)) {}

bool EpisodeReader::OpenNext() {
  if (next_ == names_.size()) return false;
  absl::StatusOr<std::unique_ptr<InputFile>> file = InputFile::Open(names_[next_]);
  if (!file.ok()) {
    status_ = file.status();
    return false;
  }
  const absl::MutexLock lock(&mu_);
  if (stopped_) return false;
  records_ = std::make_unique<RecordReader>((*file)->fd(), names_[next_++]);
  file_ = *std::move(file);
  return true;
}

std::optional<absl::StatusOr<v1::Episode>> EpisodeReader::Next() {
  Record record;
  while (records_ == nullptr || !records_->Next(&record)) {
    if (records_ != nullptr) status_ = records_->status();
    if (!status_.ok() || !OpenNext()) return std::nullopt;
  }
  place_ = record.place;
  absl::StatusOr<v1::Episode> episode = Parse(record, format_);
  if (episode.ok()) return episode;
  return absl::StatusOr<v1::Episode>(
      absl::InvalidArgumentError(absl::StrCat(place_, ": ", episode.status().message())));
}

void EpisodeReader::Stop() {
  const absl::MutexLock lock(&mu_);
  stopped_ = true;
  if (records_ != nullptr) records_->Stop();
}

absl::Status ForEachEpisode(
    const std::string& name, const EpisodeFormat& format,
    absl::FunctionRef<void(const std::string& place, v1::Episode episode)> take) {
  EpisodeReader reader({name}, format);
  while (std::optional<absl::StatusOr<v1::Episode>> episode = reader.Next()) {
    if (!episode->ok()) return episode->status();
    take(reader.place(), **std::move(episode));
  }
  return reader.status();
}

}  // namespace assay::command
