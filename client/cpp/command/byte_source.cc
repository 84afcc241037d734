#include "client/cpp/command/byte_source.h"

#include <cstring>

#include "absl/strings/str_cat.h"

namespace assay::command {
namespace {

constexpr size_t kUnpackedBytes = 64 << 10;
constexpr char kGzipBegins = '\x1f';  // and no text does
constexpr int kGzipWindow = 15 + 16;  // zlib's code for gzip and nothing else

}  // namespace

ByteSource::~ByteSource() {
  if (kind_ == Kind::kGzip) inflateEnd(&zlib_);
}

absl::StatusOr<absl::string_view> ByteSource::Next() {
  if (kind_ == Kind::kUnknown) {
    absl::StatusOr<absl::string_view> first = Read();
    if (!first.ok() || first->empty()) return first;
    kind_ = first->front() == kGzipBegins ? Kind::kGzip : Kind::kPlain;
    if (kind_ == Kind::kPlain) return first;
    if (inflateInit2(&zlib_, kGzipWindow) != Z_OK)
      return absl::DataLossError("zlib does not start");
    unpacked_.resize(kUnpackedBytes);
    file_.BackUp(static_cast<int>(first->size()));
  }
  if (kind_ == Kind::kPlain) return Read();
  unpacked_size_ = 0;
  do {
    if (zlib_.avail_in == 0) {
      absl::StatusOr<absl::string_view> packed = Read();
      if (!packed.ok()) return packed;
      if (packed->empty()) {
        if (inside_member_) return absl::DataLossError("the gzip input is cut off");
        return absl::string_view();
      }
      zlib_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed->data()));
      zlib_.avail_in = static_cast<uInt>(packed->size());
    }
    absl::Status status = Unpack();
    if (!status.ok()) return status;
  } while (unpacked_size_ == 0);
  return absl::string_view(unpacked_.data(), unpacked_size_);
}

absl::StatusOr<absl::string_view> ByteSource::Read() {
  const void* data = nullptr;
  int size = 0;
  do {
    if (!file_.Next(&data, &size)) {
      if (file_.GetErrno() == 0) return absl::string_view();
      return absl::DataLossError(absl::StrCat("cannot read: ", std::strerror(file_.GetErrno())));
    }
  } while (size == 0);
  return absl::string_view(static_cast<const char*>(data), static_cast<size_t>(size));
}

absl::Status ByteSource::Unpack() {
  // A file may hold several members, one after the other.
  if (!inside_member_) inflateReset(&zlib_);
  inside_member_ = true;
  zlib_.next_out = reinterpret_cast<Bytef*>(unpacked_.data());
  zlib_.avail_out = static_cast<uInt>(unpacked_.size());
  const int code = inflate(&zlib_, Z_NO_FLUSH);
  if (code != Z_OK && code != Z_STREAM_END) return absl::DataLossError("the gzip input is damaged");
  inside_member_ = code != Z_STREAM_END;
  unpacked_size_ = unpacked_.size() - zlib_.avail_out;
  return absl::OkStatus();
}

}  // namespace assay::command
