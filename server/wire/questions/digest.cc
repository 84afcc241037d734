#include "server/wire/questions/digest.h"

#include <bit>

#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "server/base/sha256.h"

namespace assay {

std::string MessageDigest(const google::protobuf::Message& message) {
  std::string bytes(message.ByteSizeLong(), '\0');
  {
    google::protobuf::io::ArrayOutputStream stream(bytes.data(), static_cast<int>(bytes.size()));
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeWithCachedSizes(&coded);
  }
  return Sha256(absl::string_view(bytes));
}

std::string ValuesDigest(absl::Span<const double> values) {
  static_assert(std::endian::native == std::endian::little);
  return Sha256(absl::string_view(reinterpret_cast<const char*>(values.data()),
                                  values.size() * sizeof(double)));
}

}  // namespace assay
