#include "server/runtime/gate.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>
#include <fstream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace assay::runtime {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::chrono::seconds kLookEvery{1};

std::array<unsigned char, 32> Sha256(absl::string_view text) {
  std::array<unsigned char, 32> digest;
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return digest;
}

}  // namespace

Gate::Gate(std::string token_file, std::vector<std::string> allowed_names)
    : token_file_(std::move(token_file)), allowed_names_(std::move(allowed_names)) {}

absl::StatusOr<std::string> Gate::Check(const service::CallerIdentity& caller) {
  if (!allowed_names_.empty() && std::none_of(caller.peer_names.begin(), caller.peer_names.end(),
                                              [this](const std::string& name) {
                                                return std::find(allowed_names_.begin(),
                                                                 allowed_names_.end(),
                                                                 name) != allowed_names_.end();
                                              })) {
    return absl::PermissionDeniedError("the certificate's names are not allowed");
  }
  if (token_file_.empty()) {
    return caller.peer_names.empty() ? std::string() : caller.peer_names.front();
  }
  absl::string_view token = caller.authorization;
  if (!absl::ConsumePrefix(&token, "Bearer ")) {
    return absl::UnauthenticatedError("a bearer token is needed");
  }
  const Digest digest = Sha256(token);
  if (!Knows(digest)) return absl::UnauthenticatedError("unknown token");
  return std::string(digest.begin(), digest.end());
}

bool Gate::Knows(const Digest& token) {
  MutexLock lock(&mutex_);
  if (!looked_at_.has_value() || SteadyClock::now() >= *looked_at_ + kLookEvery) Reload();
  bool known = false;
  for (const Digest& good : tokens_) {
    known |= CRYPTO_memcmp(good.data(), token.data(), token.size()) == 0;
  }
  return known;
}

void Gate::Reload() {
  looked_at_ = SteadyClock::now();
  std::ifstream file(token_file_);
  if (!file) return;
  std::vector<Digest> tokens;
  bool commented = false;
  for (std::string line; std::getline(file, line);) {
    const absl::string_view token = absl::StripAsciiWhitespace(line);
    if (token.empty()) continue;
    if (token[0] == '#') {
      commented = true;
    } else {
      tokens.push_back(Sha256(token));
    }
  }
  if (tokens.empty() && !commented) return;
  tokens_ = std::move(tokens);
}

}  // namespace assay::runtime
