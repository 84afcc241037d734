#include "server/wire/digest.h"

#include <bit>

#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "openssl/evp.h"
#include "openssl/sha.h"

namespace assay::service {

std::string Sha256(absl::string_view bytes) {
  // SHA256() would look the algorithm up each time, which takes as long as a kilobyte.
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(digest.data()), nullptr,
             algorithm, nullptr);
  return digest;
}

std::string Sha256(const google::protobuf::Message& message) {
  std::string bytes(message.ByteSizeLong(), '\0');
  {
    google::protobuf::io::ArrayOutputStream stream(bytes.data(), static_cast<int>(bytes.size()));
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeWithCachedSizes(&coded);
  }
  return Sha256(absl::string_view(bytes));
}

std::string Sha256(absl::Span<const double> values) {
  static_assert(std::endian::native == std::endian::little);
  return Sha256(absl::string_view(reinterpret_cast<const char*>(values.data()),
                                  values.size() * sizeof(double)));
}

}  // namespace assay::service
