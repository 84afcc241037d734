#include "server/runtime/gate.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "server/base/read_file.h"
#include "server/base/sha256.h"

namespace assay::runtime {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::chrono::seconds kLookEvery{1};

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
  std::string digest = Sha256(token);
  if (!Knows(digest)) return absl::UnauthenticatedError("unknown token");
  return digest;
}

bool Gate::Knows(const std::string& token) {
  MutexLock lock(&mutex_);
  if (!looked_at_.has_value() || SteadyClock::now() >= *looked_at_ + kLookEvery) Reload();
  bool known = false;
  for (const std::string& good : tokens_) {
    known |= CRYPTO_memcmp(good.data(), token.data(), token.size()) == 0;
  }
  return known;
}

void Gate::Reload() {
  looked_at_ = SteadyClock::now();
  const absl::StatusOr<std::string> text = ReadFile(token_file_);
  if (!text.ok()) return;
  std::vector<std::string> tokens;
  bool commented = false;
  for (const absl::string_view line : absl::StrSplit(*text, '\n')) {
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
