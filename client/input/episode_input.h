// Episodes of files, as the command line reads them.
#ifndef ASSAY_CLIENT_INPUT_EPISODE_INPUT_H_
#define ASSAY_CLIENT_INPUT_EPISODE_INPUT_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "assay/v1/episode.pb.h"
#include "client/input/log_import.h"
#include "client/input/record_reader.h"

namespace assay::command {

// The exit code of every command whose input, or a line of it, cannot be read.
inline constexpr int kUnreadableInput = 2;

enum class InputFormat : uint8_t { kEpisode, kLog };

struct EpisodeFormat {
  InputFormat kind = InputFormat::kEpisode;
  LogImportOptions log;  // of both
};

// A file that is closed with its user. "-" is standard input.
class InputFile {
 public:
  // INVALID_ARGUMENT: it cannot be read, and why.
  static absl::StatusOr<std::unique_ptr<InputFile>> Open(const std::string& name);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  int fd() const { return fd_; }

 private:
  explicit InputFile(int fd) : fd_(fd) {}

  const int fd_;
};

// Reads files one after the other.
class EpisodeReader {
 public:
  EpisodeReader(std::vector<std::string> names, EpisodeFormat format);

  // The next episode, or INVALID_ARGUMENT with the place of a record that is none, after which
  // reading goes on. Unset at the end, or where a file cannot be read further (see status).
  std::optional<absl::StatusOr<v1::Episode>> Next();

  // Where the record last handed out stands.
  const std::string& place() const { return place_; }

  // Ends the reading, also of a Next that waits. May be called from any thread.
  void Stop();

  // OK, or why a file cannot be read to its end.
  const absl::Status& status() const { return status_; }

 private:
  // Goes to the next file; false where there is none, or it cannot be read.
  bool OpenNext();

  const std::vector<std::string> names_;
  const EpisodeFormat format_;
  size_t next_ = 0;
  std::unique_ptr<InputFile> file_;
  std::string place_;
  absl::Status status_;
  absl::Mutex mu_;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
  std::unique_ptr<RecordReader> records_;  // replaced under mu_
};

// Reads the file to its end and calls `take` for each episode and the place of it.
// INVALID_ARGUMENT with the place of the first record that is no episode; what was taken before
// stays taken.
absl::Status ForEachEpisode(
    const std::string& name, const EpisodeFormat& format,
    absl::FunctionRef<void(const std::string& place, v1::Episode episode)> take);

}  // namespace assay::command

#endif  // ASSAY_CLIENT_INPUT_EPISODE_INPUT_H_
