#include "client/command/line_reader.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace assay::command {
namespace {

constexpr size_t kHeadBytes = 4;
constexpr absl::string_view kByteOrderMark = "\xef\xbb\xbf";  // of UTF-8
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
    if (line_number_ == 1 && absl::StartsWith(*line, kByteOrderMark)) {
      line->erase(0, kByteOrderMark.size());
    }
    if (!IsBlank(*line)) return true;
  }
  return false;
}

bool LineReader::ReadLine(std::string* line) {
  line->clear();
  bool any = false;
  for (;;) {
    if (chunk_.empty()) {
      const absl::StatusOr<absl::string_view> next = NextText();
      status_ = next.status();
      if (!next.ok()) return false;
      if (next->empty()) return any;
      chunk_ = *next;
    }
    any = true;
    const size_t end = chunk_.find('\n');
    const absl::string_view part = chunk_.substr(0, end);
    if (line->size() + part.size() > max_line_bytes_) {
      status_ = absl::OutOfRangeError(absl::StrCat("longer than ", max_line_bytes_, " bytes"));
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

absl::StatusOr<absl::string_view> LineReader::NextText() {
  if (begun_ && converter_ == nullptr) return source_.Next();
  if (!begun_) {
    begun_ = true;
    bool ended = false;
    while (text_.size() < kHeadBytes && !ended) {
      const absl::StatusOr<absl::string_view> next = source_.Next();
      if (!next.ok()) return next;
      ended = next->empty();
      text_.append(next->data(), next->size());
    }
    const std::string encoding = EncodingOf(text_);
    if (encoding == "UTF-8") return absl::string_view(text_);
    converter_ = std::make_unique<Utf8Converter>(encoding);
    absl::StatusOr<std::string> text = converter_->Convert(text_);
    if (!text.ok()) return text.status();
    text_ = *std::move(text);
    if (!text_.empty()) return absl::string_view(text_);
  }
  do {
    const absl::StatusOr<absl::string_view> next = source_.Next();
    if (!next.ok()) return next;
    if (next->empty()) {
      if (absl::Status end = converter_->Finish(); !end.ok()) return end;
      return absl::string_view();
    }
    absl::StatusOr<std::string> text = converter_->Convert(*next);
    if (!text.ok()) return text.status();
    text_ = *std::move(text);
  } while (text_.empty());
  return absl::string_view(text_);
}

}  // namespace assay::command
