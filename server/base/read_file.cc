#include "server/base/read_file.h"

#include <array>
#include <cerrno>
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
  // Piece by piece: a pipe does not know its size beforehand.
  std::array<char, 64 << 10> piece;
  while (const size_t size = std::fread(piece.data(), 1, piece.size(), file.get())) {
    text.append(piece.data(), size);
    if (static_cast<int64_t>(text.size()) > max_bytes) {
      return absl::InvalidArgumentError(
          absl::StrCat("cannot read ", path, ": it has more than ", max_bytes, " bytes"));
    }
  }
  if (std::ferror(file.get()) != 0) return CannotRead(path, errno);
  return text;
}

}  // namespace assay
