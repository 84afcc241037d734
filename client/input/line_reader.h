// Lines of a file descriptor that may be gzip, and in any encoding of Unicode.
#ifndef ASSAY_CLIENT_INPUT_LINE_READER_H_
#define ASSAY_CLIENT_INPUT_LINE_READER_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "client/input/text_source.h"

namespace assay::command {

// Hands out each line as soon as it is there, so that it serves live pipes. Blank lines, a byte
// order mark before the first line and zeros behind the last one are skipped.
class LineReader {
 public:
  // A line longer than `max_line_bytes` ends the reading with an error.
  explicit LineReader(int fd, size_t max_line_bytes = size_t{512} << 20);

  // False: the end, or an error (see status).
  bool Next(std::string* line);

  // Ends the reading, also of a Next that waits. May be called from any thread.
  void Stop() { source_.Stop(); }

  // Of the line last handed out, from 1.
  int64_t line_number() const { return line_number_; }
  const absl::Status& status() const { return status_; }

 private:
  bool ReadLine(std::string* line);

  const size_t max_line_bytes_;
  TextSource source_;
  absl::string_view chunk_;
  int64_t line_number_ = 0;
  absl::Status status_;
};

}  // namespace assay::command

#endif  // ASSAY_CLIENT_INPUT_LINE_READER_H_
