#include "client/command/text_encoding.h"

#include <array>
#include <cerrno>
#include <cstddef>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace assay::command {
namespace {

constexpr size_t kPieceBytes = 16 << 10;

// From where on `in` is not of the encoding; 0 where all of it is, but for an unfinished character.
int Convert(iconv_t iconv_handle, std::string* in, std::string* out) {
  char* next = in->data();
  size_t left = in->size();
  std::array<char, kPieceBytes> piece;
  int failure = 0;
  while (left > 0 && failure == 0) {
    char* write = piece.data();
    size_t room = piece.size();
    const size_t done = iconv(iconv_handle, &next, &left, &write, &room);
    out->append(piece.data(), piece.size() - room);
    if (done == static_cast<size_t>(-1) && errno != E2BIG) failure = errno;
  }
  in->erase(0, in->size() - left);
  return failure == EINVAL ? 0 : failure;
}

}  // namespace

std::string EncodingOf(absl::string_view head) {
  constexpr absl::string_view kUtf32Little("\xff\xfe\0\0", 4);
  constexpr absl::string_view kUtf32Big("\0\0\xfe\xff", 4);
  if (head.substr(0, 4) == kUtf32Little || head.substr(0, 4) == kUtf32Big) return "UTF-32";
  if (absl::StartsWith(head, "\xff\xfe") || absl::StartsWith(head, "\xfe\xff")) return "UTF-16";
  if (head.size() >= 2 && (head[0] == '\0') != (head[1] == '\0')) {
    return head[1] == '\0' ? "UTF-16LE" : "UTF-16BE";
  }
  return "UTF-8";
}

bool IsUtf8(absl::string_view text) {
  const iconv_t handle = iconv_open("UTF-8", "UTF-8");
  std::string in(text);
  std::string out;
  const bool good = Convert(handle, &in, &out) == 0 && in.empty();
  iconv_close(handle);
  return good;
}

Utf8Converter::Utf8Converter(const std::string& encoding)
    : encoding_(encoding), iconv_(iconv_open("UTF-8", encoding.c_str())) {}

Utf8Converter::~Utf8Converter() { iconv_close(iconv_); }

absl::StatusOr<std::string> Utf8Converter::Convert(absl::string_view bytes) {
  absl::StrAppend(&kept_, bytes);
  std::string out;
  if (command::Convert(iconv_, &kept_, &out) == 0) return out;
  return absl::InvalidArgumentError(absl::StrCat("not ", encoding_));
}

absl::Status Utf8Converter::Finish() const {
  if (kept_.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("not ", encoding_));
}

}  // namespace assay::command
