#include "client/input/line_reader.h"

#include "absl/strings/str_cat.h"

namespace assay::command {
namespace {

// Zeros fill the last block of some archives.
constexpr absl::string_view kBlank("\0 \t\r\v\f", 6);

bool IsBlank(absl::string_view line) {
  return line.find_first_not_of(kBlank) == absl::string_view::npos;
}

}  // namespace

LineReader::LineReader(int fd, size_t max_line_bytes)
    : max_line_bytes_(max_line_bytes), source_(fd) {}

bool LineReader::Next(std::string* line) {
  while (status_.ok() && ReadLine(line)) {
    ++line_number_;
    if (IsBlank(*line)) continue;
    line->resize(line->find_last_not_of('\0') + 1);
    return true;
  }
  return false;
}

bool LineReader::ReadLine(std::string* line) {
  line->clear();
  bool any = false;
  for (;;) {
    if (chunk_.empty()) {
      const absl::StatusOr<absl::string_view> next = source_.Next();
      status_ = next.status();
      if (!next.ok()) return false;
      if (next->empty()) return any;
      chunk_ = *next;
    }
    any = true;
    const size_t end = chunk_.find('\n');
    const absl::string_view part = chunk_.substr(0, end);
    if (line->size() + part.size() > max_line_bytes_) {
      status_ = absl::OutOfRangeError(
          absl::StrCat("line ", line_number_ + 1, " is longer than ", max_line_bytes_, " bytes"));
      return false;
    }
    line->append(part.data(), part.size());
    chunk_.remove_prefix(part.size());
    if (end != absl::string_view::npos) {
      chunk_.remove_prefix(1);
      return true;
    }
  }
}

}  // namespace assay::command
