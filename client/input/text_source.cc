#include "client/input/text_source.h"

#include <cerrno>
#include <cstddef>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace assay::command {
namespace {

constexpr size_t kTold = 4;  // bytes that tell every encoding
constexpr size_t kTextBytes = 64 << 10;

struct Beginning {
  absl::string_view bytes;
  const char* encoding;
  size_t mark;  // bytes of it that are no text
};

// Longer ones first.
constexpr Beginning kMarks[] = {
    {absl::string_view("\xff\xfe\0\0", 4), "UTF-32LE", 4},
    {absl::string_view("\0\0\xfe\xff", 4), "UTF-32BE", 4},
    {absl::string_view("\xff\xfe", 2), "UTF-16LE", 2},
    {absl::string_view("\xfe\xff", 2), "UTF-16BE", 2},
    {absl::string_view("\xef\xbb\xbf", 3), nullptr, 3},
};

// JSON begins with a character below 128.
const char* WithoutMark(absl::string_view head) {
  if (head.size() < 2 || (head[0] == 0) == (head[1] == 0)) return nullptr;
  return head[1] == 0 ? "UTF-16LE" : "UTF-16BE";
}

}  // namespace

TextSource::~TextSource() {
  if (encoding_ != nullptr) iconv_close(converter_);
}

absl::Status TextSource::Open() {
  opened_ = true;
  // A live pipe need not say more than its first line.
  while (packed_.size() < kTold && !absl::StrContains(packed_, '\n')) {
    const absl::StatusOr<absl::string_view> more = bytes_.Next();
    if (!more.ok()) return more.status();
    if (more->empty()) break;
    packed_.append(more->data(), more->size());
  }
  const char* encoding = WithoutMark(packed_);
  for (const Beginning& known : kMarks) {
    if (!absl::StartsWith(packed_, known.bytes)) continue;
    encoding = known.encoding;
    packed_.erase(0, known.mark);
    break;
  }
  if (encoding == nullptr) return absl::OkStatus();
  converter_ = iconv_open("UTF-8", encoding);
  // NOLINTNEXTLINE(performance-no-int-to-ptr): POSIX says so
  if (converter_ == reinterpret_cast<iconv_t>(-1)) {
    return absl::DataLossError(absl::StrCat("this machine cannot read ", encoding));
  }
  encoding_ = encoding;
  return absl::OkStatus();
}

absl::StatusOr<absl::string_view> TextSource::Next() {
  if (!opened_) {
    if (absl::Status status = Open(); !status.ok()) return status;
    if (encoding_ == nullptr && !packed_.empty()) return packed_;
  }
  return encoding_ == nullptr ? bytes_.Next() : NextWide();
}

absl::StatusOr<absl::string_view> TextSource::NextWide() {
  text_.clear();
  for (;;) {
    if (absl::Status status = Convert(); !status.ok()) return status;
    if (!text_.empty()) return text_;
    absl::StatusOr<absl::string_view> more = bytes_.Next();
    if (!more.ok()) return more;
    if (more->empty()) {
      if (packed_.empty()) return absl::string_view();
      return absl::DataLossError(absl::StrCat("not ", encoding_, ": it is cut off"));
    }
    packed_.append(more->data(), more->size());
  }
}

absl::Status TextSource::Convert() {
  char* in = packed_.data();
  size_t left = packed_.size();
  text_.resize(kTextBytes);
  char* out = text_.data();
  size_t room = text_.size();
  const size_t result = iconv(converter_, &in, &left, &out, &room);
  const int error = result == static_cast<size_t>(-1) ? errno : 0;
  text_.resize(text_.size() - room);
  packed_.erase(0, packed_.size() - left);
  if (error == EILSEQ && text_.empty()) {
    return absl::DataLossError(absl::StrCat("not ", encoding_, ": half of a character"));
  }
  return absl::OkStatus();  // E2BIG and EINVAL: the rest comes with the next call
}

}  // namespace assay::command
