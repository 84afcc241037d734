#include "server/base/sha256.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <memory>

namespace assay {
namespace {

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

// The thread's own: to look the algorithm up and to make a context takes as long as hashing a
// kilobyte. The one before is forgotten.
EVP_MD_CTX* Begin() {
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  thread_local const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  EVP_DigestInit_ex2(context.get(), algorithm, nullptr);
  return context.get();
}

}  // namespace

void Sha256Stream::Add(absl::string_view bytes) {
  EVP_DigestUpdate(context_, bytes.data(), bytes.size());
}

std::string Sha256(absl::string_view bytes) {
  return Sha256([bytes](Sha256Stream& stream) { stream.Add(bytes); });
}

std::string Sha256(absl::FunctionRef<void(Sha256Stream&)> write) {
  Sha256Stream stream(Begin());
  write(stream);
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  EVP_DigestFinal_ex(stream.context_, reinterpret_cast<unsigned char*>(digest.data()), nullptr);
  return digest;
}

}  // namespace assay
