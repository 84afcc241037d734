#include "server/base/safe_text.h"

#include <algorithm>
#include <cstddef>

#include "server/base/utf8.h"

namespace assay {
namespace {

constexpr size_t kMaxBytes = 1024;

}  // namespace

std::string SafeText(absl::string_view text) {
  std::string safe;
  while (!text.empty()) {
    const size_t length = CharacterAt(text);
    if (safe.size() + std::max<size_t>(length, 1) > kMaxBytes) break;
    if (length == 0) {
      safe += '?';
    } else {
      safe.append(text.data(), length);
    }
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return safe;
}

}  // namespace assay
