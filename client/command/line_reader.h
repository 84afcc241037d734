// Lines of a file descriptor, as UTF-8. The file may be gzip, and UTF-16 or UTF-32.
#ifndef ASSAY_CLIENT_COMMAND_LINE_READER_H_
#define ASSAY_CLIENT_COMMAND_LINE_READER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "client/command/byte_source.h"
#include "client/command/text_encoding.h"

namespace assay::command {

// Hands out each line as soon as it is there, so that it serves live pipes. Blank lines, a byte
// order mark before the first line and zeros behind the last one are skipped.
class LineReader {
 public:
  // A line longer than `max_line_bytes` ends the reading with an error.
  explicit LineReader(int fd, size_t max_line_bytes = size_t{512} << 20);

  // False: the end, or an error (see status).
  bool Next(std::string* line);

  // From any thread: this is the end, even for a Next that waits.
  void Stop() { source_.Stop(); }

  // Of the line last handed out, from 1.
  int64_t line_number() const { return line_number_; }
  const absl::Status& status() const { return status_; }

 private:
  bool ReadLine(std::string* line);
  // More of the text; empty: the end.
  absl::StatusOr<absl::string_view> NextText();

  const size_t max_line_bytes_;
  ByteSource source_;
  bool begun_ = false;
  std::unique_ptr<Utf8Converter> converter_;  // null: the text is UTF-8
  std::string text_;                          // that chunk_ views, where it was put together
  absl::string_view chunk_;
  int64_t line_number_ = 0;
  absl::Status status_;
};

}  // namespace assay::command

#endif  // ASSAY_CLIENT_COMMAND_LINE_READER_H_
