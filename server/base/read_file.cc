#include "server/base/read_file.h"

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace assay {

absl::Status CannotRead(absl::string_view path, int error_number) {
  return absl::InvalidArgumentError(
      absl::StrCat("cannot read ", path, ": ", std::generic_category().message(error_number)));
}

absl::StatusOr<std::string> ReadFile(const std::string& path, int64_t max_bytes) {
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "rbe"), &std::fclose);
  if (file == nullptr) return CannotRead(path, errno);
  std::string text;
  // Piece by piece: a pipe does not know its size beforehand. Not on the stack, of which threads of
  // the HTTP ports have 100 KiB.
  constexpr size_t kPiece = 64 << 10;
  for (size_t had = 0;; had = text.size()) {
    text.resize(had + kPiece);
    text.resize(had + std::fread(text.data() + had, 1, kPiece, file.get()));
    if (text.size() == had) break;
    if (static_cast<int64_t>(text.size()) > max_bytes) {
      return absl::InvalidArgumentError(
          absl::StrCat("cannot read ", path, ": it has more than ", max_bytes, " bytes"));
    }
  }
  if (std::ferror(file.get()) != 0) return CannotRead(path, errno);
  return text;
}

}  // namespace assay
