#include "server/base/read_file.h"

#include <algorithm>
#include <fstream>

#include "absl/strings/str_cat.h"

namespace assay {

absl::StatusOr<std::string> ReadFile(const std::string& path, int64_t max_bytes) {
  constexpr int64_t kPiece = 64 << 10;
  std::ifstream file(path, std::ios::binary);
  std::string text;
  // Piece by piece: a pipe does not know its size beforehand.
  while (file) {
    const size_t before = text.size();
    text.resize(before + kPiece);
    file.read(text.data() + before, kPiece);
    text.resize(before + static_cast<size_t>(std::max<std::streamsize>(file.gcount(), 0)));
    if (static_cast<int64_t>(text.size()) > max_bytes) {
      return absl::InvalidArgumentError(
          absl::StrCat("cannot read ", path, ": it has more than ", max_bytes, " bytes"));
    }
  }
  if (!file.eof()) return absl::InvalidArgumentError(absl::StrCat("cannot read ", path));
  return text;
}

}  // namespace assay
