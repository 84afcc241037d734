#include "server/evaluation/registry.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace assay::evaluation {
namespace {

constexpr size_t kMaxName = 64;
constexpr std::array<absl::string_view, 4> kBuiltIn = {"vote", "given", "caller", "outcome"};

bool IsNameByte(char c) {
  return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '_' || c == '-' || c == '.';
}

}  // namespace

absl::Status EvaluatorRegistry::Add(std::shared_ptr<Evaluator> evaluator) {
  const std::string name(evaluator->name());
  if (name.empty() || name.size() > kMaxName ||
      !std::all_of(name.begin(), name.end(), IsNameByte)) {
    return absl::InvalidArgumentError(
        absl::StrCat("evaluator \"", name, "\": a name is 1 to 64 of a-z, 0-9, _, - and ."));
  }
  if (std::find(kBuiltIn.begin(), kBuiltIn.end(), name) != kBuiltIn.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat("evaluator \"", name, "\": the name of a built-in evaluator"));
  }
  if (!evaluators_.emplace(name, std::move(evaluator)).second) {
    return absl::AlreadyExistsError(absl::StrCat("evaluator \"", name, "\": named twice"));
  }
  return absl::OkStatus();
}

std::shared_ptr<Evaluator> EvaluatorRegistry::Find(absl::string_view name) const {
  const auto found = evaluators_.find(std::string(name));
  return found == evaluators_.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<Evaluator>> EvaluatorRegistry::All() const {
  std::vector<std::shared_ptr<Evaluator>> all;
  for (const auto& [name, evaluator] : evaluators_) all.push_back(evaluator);
  return all;
}

}  // namespace assay::evaluation
