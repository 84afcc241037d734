// Texts in other encodings than UTF-8.
#ifndef ASSAY_CLIENT_COMMAND_TEXT_ENCODING_H_
#define ASSAY_CLIENT_COMMAND_TEXT_ENCODING_H_

#include <iconv.h>

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace assay::command {

// The encoding that the first four bytes of a text tell, by a byte order mark or by the zeros of
// the first character of JSON: "UTF-16", "UTF-32", "UTF-16LE", "UTF-16BE"; else "UTF-8".
std::string EncodingOf(absl::string_view head);

bool IsUtf8(absl::string_view text);

// Turns a text that comes in pieces into UTF-8. The byte order mark is left out.
class Utf8Converter {
 public:
  explicit Utf8Converter(const std::string& encoding);
  ~Utf8Converter();
  Utf8Converter(const Utf8Converter&) = delete;
  Utf8Converter& operator=(const Utf8Converter&) = delete;

  // What `bytes` and those kept before say; bytes of an unfinished character are kept.
  // INVALID_ARGUMENT: this is not the encoding.
  absl::StatusOr<std::string> Convert(absl::string_view bytes);

  // INVALID_ARGUMENT: the text ended within a character.
  absl::Status Finish() const;

 private:
  const std::string encoding_;
  const iconv_t iconv_;
  std::string kept_;
};

}  // namespace assay::command

#endif  // ASSAY_CLIENT_COMMAND_TEXT_ENCODING_H_
