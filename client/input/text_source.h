// The text of a file descriptor: UTF-8, whatever its first bytes say that it is in.
#ifndef ASSAY_CLIENT_INPUT_TEXT_SOURCE_H_
#define ASSAY_CLIENT_INPUT_TEXT_SOURCE_H_

#include <iconv.h>

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/input/byte_source.h"

namespace assay::command {

// UTF-16 and UTF-32 are known by their byte order mark, or by the zeros beside the first character
// of JSON, and are turned into UTF-8. Everything else is handed on as it is, without the mark of
// UTF-8; whether it is UTF-8 is for the reader of lines to say.
class TextSource {
 public:
  explicit TextSource(int fd) : bytes_(fd) {}
  ~TextSource();
  TextSource(const TextSource&) = delete;
  TextSource& operator=(const TextSource&) = delete;

  // As ByteSource::Next. DATA_LOSS also for what is not in the encoding that it began with.
  absl::StatusOr<absl::string_view> Next();
  // Ends the reading, also of a Next that waits. May be called from any thread.
  void Stop() { bytes_.Stop(); }

 private:
  // Reads as much as tells the encoding.
  absl::Status Open();
  absl::StatusOr<absl::string_view> NextWide();
  // Turns what is whole of `packed_` into `text_`.
  absl::Status Convert();

  ByteSource bytes_;
  bool opened_ = false;
  std::string packed_;              // read, not yet handed out
  const char* encoding_ = nullptr;  // null: nothing is turned into UTF-8
  iconv_t converter_ = {};
  std::string text_;
};

}  // namespace assay::command

#endif  // ASSAY_CLIENT_INPUT_TEXT_SOURCE_H_
