// SHA-256, which identifies contents: of episodes, prompts, tokens and audit records.
#ifndef ASSAY_SERVER_BASE_SHA256_H_
#define ASSAY_SERVER_BASE_SHA256_H_

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"

struct evp_md_ctx_st;

namespace assay {

// A digest on its way, of bytes that come piece by piece.
class Sha256Stream {
 public:
  void Add(absl::string_view bytes);

 private:
  friend std::string Sha256(absl::FunctionRef<void(Sha256Stream&)> write);
  explicit Sha256Stream(evp_md_ctx_st* context) : context_(context) {}

  evp_md_ctx_st* const context_;
};

// The digest of `bytes`: 32 bytes, not hexadecimal digits.
std::string Sha256(absl::string_view bytes);
// The digest of all that `write` adds, which itself makes no digest.
std::string Sha256(absl::FunctionRef<void(Sha256Stream&)> write);

}  // namespace assay

#endif  // ASSAY_SERVER_BASE_SHA256_H_
