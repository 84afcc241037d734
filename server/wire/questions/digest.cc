#include "server/wire/questions/digest.h"

#include <bit>

#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream.h"
#include "server/base/sha256.h"

namespace assay {
namespace {

// What is written here is hashed block by block, long texts where they lie.
class HashedStream final : public google::protobuf::io::ZeroCopyOutputStream {
 public:
  explicit HashedStream(Sha256Stream* hash) : hash_(hash) {}

  bool Next(void** data, int* size) override {
    Flush();
    *data = block_;
    *size = used_ = sizeof(block_);
    return true;
  }
  void BackUp(int count) override { used_ -= count; }
  int64_t ByteCount() const override { return hashed_ + used_; }
  bool AllowsAliasing() const override { return true; }
  bool WriteAliasedRaw(const void* data, int size) override {
    Flush();
    Add(data, size);
    return true;
  }
  void Flush() {
    Add(block_, used_);
    used_ = 0;
  }

 private:
  void Add(const void* data, int size) {
    hash_->Add(absl::string_view(static_cast<const char*>(data), size));
    hashed_ += size;
  }

  Sha256Stream* const hash_;
  int64_t hashed_ = 0;
  int used_ = 0;
  char block_[2048];
};

}  // namespace

std::string MessageDigest(const google::protobuf::Message& message) {
  message.ByteSizeLong();  // is cached, for what follows
  return Sha256([&message](Sha256Stream& hash) {
    HashedStream stream(&hash);
    {
      google::protobuf::io::CodedOutputStream coded(&stream);
      coded.SetSerializationDeterministic(true);
      coded.EnableAliasing(true);
      message.SerializeWithCachedSizes(&coded);
    }
    stream.Flush();
  });
}

std::string ValuesDigest(absl::Span<const double> values) {
  static_assert(std::endian::native == std::endian::little);
  return Sha256(absl::string_view(reinterpret_cast<const char*>(values.data()),
                                  values.size() * sizeof(double)));
}

}  // namespace assay
