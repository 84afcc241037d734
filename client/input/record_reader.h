// Records of a file: JSON values one a line, or over several lines, or in lists.
#ifndef ASSAY_CLIENT_INPUT_RECORD_READER_H_
#define ASSAY_CLIENT_INPUT_RECORD_READER_H_

#include <cstdint>
#include <deque>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "client/input/line_reader.h"

namespace assay::command {

// What stands at one place of a file.
struct Record {
  std::string json;
  std::string place;  // FILE:LINE, - is standard input, and #N of the Nth of a list
  std::string fault;  // why it is no JSON; empty where it is
};

// Hands out each record as soon as it is there. A line that is no JSON is a record with a fault,
// and the lines after it are read. Where the first line is only the beginning of a value, the whole
// file is read as values over several lines. A list at the top stands for its elements. The Python
// client reads the same (assay_rl.convert.own).
class RecordReader {
 public:
  // `name` of the file, for people; "-" is standard input.
  RecordReader(int fd, std::string name) : name_(std::move(name)), lines_(fd) {}

  // False: the end, or an error (see status).
  bool Next(Record* record);

  // Ends the reading, also of a Next that waits. May be called from any thread.
  void Stop() { lines_.Stop(); }

  // OK, or why the file cannot be read to its end, with its place.
  absl::Status status() const;

 private:
  struct Line {
    int64_t number;
    std::string text;
  };

  std::string Place(int64_t line) const;
  void TakeLine(const Line& line);
  void TakeValue(absl::string_view json, int64_t line);
  // Reads to the end: values over several lines, or else line by line.
  void TakeDocument(Line first);

  const std::string name_;
  LineReader lines_;
  absl::Status status_;
  bool begun_ = false;
  std::deque<Record> records_;
};

}  // namespace assay::command

#endif  // ASSAY_CLIENT_INPUT_RECORD_READER_H_
