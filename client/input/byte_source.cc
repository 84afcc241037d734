#include "client/input/byte_source.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "absl/strings/match.h"

namespace assay::command {
namespace {

constexpr size_t kBufferBytes = 64 << 10;
constexpr char kGzipBegins = '\x1f';  // and no text does
constexpr absl::string_view kZipBegins = "PK\x03\x04";
constexpr int kGzipWindow = 15 + 16;  // zlib's code for gzip and nothing else

}  // namespace

ByteSource::ByteSource(int fd)
    : fd_(fd), stop_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), read_(kBufferBytes) {}

ByteSource::~ByteSource() {
  if (kind_ == Kind::kGzip) inflateEnd(&zlib_);
  close(stop_);
}

void ByteSource::Stop() { eventfd_write(stop_, 1); }

absl::StatusOr<absl::string_view> ByteSource::Next() {
  if (kind_ == Kind::kUnknown) {
    absl::StatusOr<absl::string_view> first = Read();
    if (!first.ok() || first->empty()) return first;
    if (absl::StartsWith(*first, kZipBegins)) {
      return absl::DataLossError("a zip archive, which assay-rl reads and assay does not");
    }
    kind_ = first->front() == kGzipBegins ? Kind::kGzip : Kind::kPlain;
    if (kind_ == Kind::kPlain) return first;
    if (inflateInit2(&zlib_, kGzipWindow) != Z_OK) {
      return absl::DataLossError("zlib does not start");
    }
    unpacked_.resize(kBufferBytes);
    GiveToZlib(*first);
  }
  if (kind_ == Kind::kPlain) return Read();
  unpacked_size_ = 0;
  while (unpacked_size_ == 0) {
    if (damaged_) return absl::DataLossError("the gzip data is damaged");
    const bool holds_more = inside_member_ && zlib_.avail_out == 0;
    if (zlib_.avail_in == 0 && !holds_more) {
      absl::StatusOr<absl::string_view> packed = Read();
      if (!packed.ok()) return packed;
      if (packed->empty()) {
        if (inside_member_ && !stopped_) return absl::DataLossError("the gzip data is cut off");
        return absl::string_view();
      }
      GiveToZlib(*packed);
    }
    Unpack();
  }
  return absl::string_view(unpacked_.data(), unpacked_size_);
}

absl::StatusOr<absl::string_view> ByteSource::Read() {
  pollfd waits[] = {{fd_, POLLIN, 0}, {stop_, POLLIN, 0}};
  ssize_t size = -1;
  do {
    if (poll(waits, 2, -1) < 0) continue;
    stopped_ = waits[1].revents != 0;
    if (stopped_) return absl::string_view();
    size = read(fd_, read_.data(), read_.size());
  } while (size < 0 && (errno == EINTR || errno == EAGAIN));
  if (size < 0) return absl::DataLossError(std::strerror(errno));
  return absl::string_view(read_.data(), static_cast<size_t>(size));
}

void ByteSource::GiveToZlib(absl::string_view packed) {
  zlib_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  zlib_.avail_in = static_cast<uInt>(packed.size());
}

void ByteSource::Unpack() {
  // A file may hold several members, one after the other, and zeros that fill its last block.
  if (!inside_member_) {
    while (zlib_.avail_in > 0 && *zlib_.next_in == 0) {
      ++zlib_.next_in;
      --zlib_.avail_in;
    }
    if (zlib_.avail_in == 0) return;
    inflateReset(&zlib_);
  }
  inside_member_ = true;
  zlib_.next_out = reinterpret_cast<Bytef*>(unpacked_.data());
  zlib_.avail_out = static_cast<uInt>(unpacked_.size());
  const int code = inflate(&zlib_, Z_NO_FLUSH);
  damaged_ = code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR;  // which asks for more
  inside_member_ = code != Z_STREAM_END;
  unpacked_size_ = unpacked_.size() - zlib_.avail_out;
}

}  // namespace assay::command
