#include "server/credit/credit_plan.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/credit/exact_plan.h"
#include "server/credit/odd_bayes/odd_bayes.h"
#include "server/credit/permutation_plan.h"
#include "server/credit/regression_plan.h"

namespace assay::credit {
namespace {

constexpr int kMaxModelAgents = 30;  // beyond, AUTO prefers regression

absl::Status Invalid(absl::string_view field, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(field, ": ", what));
}

bool ExactFits(int n, std::int64_t max_questions) {
  return n <= kMaxExactAgents && (std::int64_t{1} << n) <= max_questions;
}

std::int64_t ResolveQuestions(const CreditOptions& options) {
  const int n = options.n;
  const std::int64_t all = n < 62 ? std::int64_t{1} << n : INT64_MAX;
  if (options.max_questions > 0) return std::min(options.max_questions, all);
  if (options.method == Method::kExact) return all;
  return std::min<std::int64_t>(all, 64 * std::int64_t{n});
}

Method ResolveMethod(const CreditOptions& options) {
  if (options.method != Method::kAuto) return options.method;
  if (ExactFits(options.n, options.max_questions)) return Method::kExact;
  if (options.n > kMaxModelAgents) return Method::kLeverage;
  return options.max_questions >= 2 * options.n + 2 ? Method::kOddBayes : Method::kAntithetic;
}

}  // namespace

absl::Status ValidateCreditOptions(const CreditOptions& options) {
  if (options.n < 1 || options.n > PlayerSet::kMaxPlayers) {
    return Invalid("n", "must be 1 to 256 players");
  }
  if (options.max_questions < 0 || options.max_questions == 1) {
    return Invalid("max_questions", "the empty and the grand coalition alone take 2 questions");
  }
  if (!std::isfinite(options.target_half_width) || options.target_half_width < 0) {
    return Invalid("target_half_width", "must be finite and not negative");
  }
  if (!(options.confidence > 0 && options.confidence < 1)) {
    return Invalid("confidence", "must lie in (0, 1)");
  }
  if (options.samples_per_question < 1) return Invalid("samples_per_question", "must be positive");
  if (!std::isfinite(options.value_low) || !std::isfinite(options.value_high) ||
      !(options.value_low < options.value_high)) {
    return Invalid("value range", "low must be finite and below high");
  }
  return absl::OkStatus();
}

absl::string_view MethodName(Method method) {
  switch (method) {
    case Method::kAuto:
      return "auto";
    case Method::kExact:
      return "exact";
    case Method::kOddBayes:
      return "odd_bayes";
    case Method::kAntithetic:
      return "antithetic";
    case Method::kLeverage:
      return "leverage";
    case Method::kPermutation:
      return "permutation";
    case Method::kKernel:
      return "kernel";
  }
  return "unknown";
}

namespace {

absl::StatusOr<std::unique_ptr<CreditPlan>> MakeSampledPlan(CreditOptions options) {
  // With every question allowed there is nothing to estimate.
  if (ExactFits(options.n, options.max_questions)) return std::make_unique<ExactPlan>(options);
  options.max_questions =
      std::min(options.max_questions,
               options.method == Method::kOddBayes ? kMaxModelQuestions : kMaxSampledQuestions);
  switch (options.method) {
    case Method::kOddBayes:
      if (options.n > 64) return Invalid("method", "odd_bayes takes at most 64 players");
      return std::make_unique<OddBayesPlan>(options);
    case Method::kAntithetic:
    case Method::kPermutation:
      return std::make_unique<PermutationPlan>(options, options.method == Method::kAntithetic,
                                               std::vector<std::vector<int>>());
    default:
      return std::make_unique<RegressionPlan>(options, options.method == Method::kLeverage);
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<CreditPlan>> MakeCreditPlan(const CreditOptions& options) {
  ASSAY_RETURN_IF_ERROR(ValidateCreditOptions(options));
  CreditOptions resolved = options;
  resolved.max_questions = ResolveQuestions(options);
  resolved.method = ResolveMethod(resolved);
  switch (resolved.method) {
    case Method::kExact:
      if (options.n > kMaxExactAgents)
        return Invalid("method", "exact credit takes at most 20 agents");
      if (!ExactFits(options.n, resolved.max_questions)) {
        return Invalid("max_questions", "exact credit of n agents takes 2^n questions");
      }
      return std::make_unique<ExactPlan>(resolved);
    default:
      return MakeSampledPlan(resolved);
  }
}

}  // namespace assay::credit
