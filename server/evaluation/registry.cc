#include "server/evaluation/registry.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"

namespace assay::evaluation {
namespace {

constexpr size_t kMaxName = 64;
constexpr std::array<absl::string_view, 4> kBuiltIn = {"vote", "given", "caller", "outcome"};

bool IsNameByte(char c) {
  return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '_' || c == '-' || c == '.';
}

}  // namespace

absl::Status CheckEvaluatorName(absl::string_view name) {
  if (name.empty() || name.size() > kMaxName ||
      !std::all_of(name.begin(), name.end(), IsNameByte)) {
    return absl::InvalidArgumentError(
        absl::StrCat("evaluator \"", name, "\": a name is 1 to 64 of a-z, 0-9, _, - and ."));
  }
  if (std::find(kBuiltIn.begin(), kBuiltIn.end(), name) != kBuiltIn.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat("evaluator \"", name, "\": the name of a built-in evaluator"));
  }
  return absl::OkStatus();
}

absl::Status EvaluatorRegistry::Add(NamedEvaluator evaluator) {
  ASSAY_RETURN_IF_ERROR(CheckEvaluatorName(evaluator.name));
  if (!evaluator.make) {
    return absl::InvalidArgumentError(
        absl::StrCat("evaluator \"", evaluator.name, "\": nothing makes it"));
  }
  const std::string name = evaluator.name;
  if (!evaluators_.emplace(name, std::move(evaluator)).second) {
    return absl::AlreadyExistsError(absl::StrCat("evaluator \"", name, "\": named twice"));
  }
  return absl::OkStatus();
}

int64_t EvaluatorRegistry::cache_bytes() const {
  int64_t bytes = 0;
  for (const auto& [name, evaluator] : evaluators_) bytes += evaluator.cache_bytes;
  return bytes;
}

}  // namespace assay::evaluation
