#include "server/credit/owen.h"

#include <algorithm>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/credit/exact.h"
#include "server/credit/owen_plan.h"
#include "server/credit/owen_sets.h"
#include "server/credit/permutation_plan.h"

namespace assay::credit {
namespace {

constexpr int kMaxUnions = 20;

using UnionSizes = absl::InlinedVector<int, 16>;

absl::StatusOr<UnionSizes> SizesOf(absl::Span<const int> union_of) {
  int unions = 0;
  for (int u : union_of) unions = std::max(unions, u + 1);
  if (unions > static_cast<int>(union_of.size())) {
    return absl::InvalidArgumentError("union_of: a union has no message");
  }
  UnionSizes sizes(unions);
  for (std::size_t t = 0; t < union_of.size(); ++t) {
    if (union_of[t] < 0) {
      return absl::InvalidArgumentError(absl::StrCat("union_of[", t, "]: must not be negative"));
    }
    ++sizes[union_of[t]];
  }
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] == 0) {
      return absl::InvalidArgumentError(absl::StrCat("union_of: union ", i, " has no message"));
    }
  }
  return sizes;
}

std::vector<std::vector<int>> GroupByUnion(absl::Span<const int> union_of,
                                           const UnionSizes& sizes) {
  std::vector<std::vector<int>> members(sizes.size());
  for (std::size_t i = 0; i < sizes.size(); ++i) members[i].reserve(sizes[i]);
  for (std::size_t t = 0; t < union_of.size(); ++t) {
    members[union_of[t]].push_back(static_cast<int>(t));
  }
  return members;
}

// Puts the values of each union's game to its messages, which come in their order within it.
void Spread(const InnerGames& games, const UnionSizes& sizes, absl::Span<const int> union_of,
            absl::Span<double> values) {
  for (int i = 0; i < static_cast<int>(sizes.size()); ++i) {
    const std::vector<double> phi = ExactShapley(games.values(i), sizes[i]);
    const double* next = phi.data();
    for (std::size_t t = 0; t < union_of.size(); ++t) {
      if (union_of[t] == i) values[t] = *next++;
    }
  }
}

}  // namespace

std::int64_t OwenQuestionCount(absl::Span<const int> union_sizes) {
  const int m = static_cast<int>(union_sizes.size());
  if (m == 0 || m > 60) return m == 0 ? 1 : INT64_MAX;
  std::int64_t count = std::int64_t{1} << m;
  for (int size : union_sizes) {
    if (m - 1 + size > 60) return INT64_MAX;
    const std::int64_t inner = (std::int64_t{1} << (m - 1)) * ((std::int64_t{1} << size) - 2);
    if (inner > INT64_MAX - count) return INT64_MAX;
    count += inner;
  }
  return count;
}

absl::StatusOr<std::vector<double>> ExactOwen(absl::Span<const double> table,
                                              absl::Span<const int> union_of, double low,
                                              double high) {
  const absl::StatusOr<UnionSizes> sizes = SizesOf(union_of);
  if (!sizes.ok()) return sizes.status();
  if (sizes->empty() || sizes->size() > kMaxUnions ||
      static_cast<std::int64_t>(table.size()) != OwenQuestionCount(*sizes)) {
    return absl::InvalidArgumentError(absl::StrCat("table: ", table.size(), " values for ",
                                                   sizes->size(), " unions of ", union_of.size(),
                                                   " messages"));
  }
  InnerGames games(*sizes, /*noisy=*/false);
  const double* value = table.data();
  ForEachOwenSet(*sizes, [&](const OwenSet& set) { games.Deposit(set, *value++, 0); });
  RawEstimate raw;
  raw.values.resize(union_of.size());
  Spread(games, *sizes, union_of, absl::MakeSpan(raw.values));
  raw.variances.resize(union_of.size());
  const double none = table[(std::size_t{1} << sizes->size()) - 1];
  return Efficient(raw, table.front() - none, high - low);
}

absl::StatusOr<std::unique_ptr<CreditPlan>> MakeOwenPlan(const OwenOptions& options) {
  const int messages = static_cast<int>(options.union_of.size());
  const absl::StatusOr<UnionSizes> sizes = SizesOf(options.union_of);
  if (!sizes.ok()) return sizes.status();
  std::vector<std::vector<int>> members = GroupByUnion(options.union_of, *sizes);
  const std::int64_t exact = OwenQuestionCount(*sizes);
  CreditOptions credit;
  credit.n = messages;
  credit.max_questions = options.max_questions;
  credit.target_half_width = options.target_half_width;
  credit.confidence = options.confidence;
  credit.samples_per_question = options.samples_per_question;
  credit.seed = options.seed;
  credit.value_low = options.value_low;
  credit.value_high = options.value_high;
  credit.noise = options.noise;
  ASSAY_RETURN_IF_ERROR(ValidateCreditOptions(credit));
  const bool fits = exact <= kMaxOwenQuestions && sizes->size() <= kMaxUnions;
  if (fits && (options.max_questions == 0 || exact <= options.max_questions)) {
    credit.max_questions = exact;
    return std::make_unique<ExactOwenPlan>(credit, std::move(members));
  }
  if (options.max_questions == 0) {
    return absl::InvalidArgumentError("max_questions: the exact Owen value takes too many");
  }
  // Complements of union-wise orders are union-wise orders: the reverse comes with each.
  return std::make_unique<PermutationPlan>(credit, /*antithetic=*/true, std::move(members));
}

}  // namespace assay::credit
