// The bytes of a file descriptor, unpacked where they are gzip.
#ifndef ASSAY_CLIENT_INPUT_BYTE_SOURCE_H_
#define ASSAY_CLIENT_INPUT_BYTE_SOURCE_H_

#include <zlib.h>

#include <cstddef>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace assay::command {

// Bytes are handed out as soon as they are there.
class ByteSource {
 public:
  explicit ByteSource(int fd);
  ~ByteSource();
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;

  // The next bytes, which are valid until the next call; empty at the end. DATA_LOSS: the file
  // cannot be read, or its gzip is damaged or cut off; what comes before the damage is handed out
  // first.
  absl::StatusOr<absl::string_view> Next();

  // Ends the reading, also of a Next that waits. May be called from any thread.
  void Stop();

 private:
  enum class Kind { kUnknown, kPlain, kGzip };

  absl::StatusOr<absl::string_view> Read();
  void GiveToZlib(absl::string_view packed);
  void Unpack();

  const int fd_;
  const int stop_;  // an eventfd
  bool stopped_ = false;
  std::vector<char> read_;
  Kind kind_ = Kind::kUnknown;
  z_stream zlib_{};
  bool inside_member_ = false;
  bool damaged_ = false;  // behind what was handed out
  std::vector<char> unpacked_;
  size_t unpacked_size_ = 0;
};

}  // namespace assay::command

#endif  // ASSAY_CLIENT_INPUT_BYTE_SOURCE_H_
