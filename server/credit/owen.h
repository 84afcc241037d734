#ifndef ASSAY_SERVER_CREDIT_OWEN_H_
#define ASSAY_SERVER_CREDIT_OWEN_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/credit/credit_plan.h"

// The Owen value (Owen 1977): credit of messages with their authors as a-priori unions. A message
// counts only beside coalitions in which every other author takes part with all messages or none:
//   phi_t = sum over sets H of other unions, S within t's union without t, of
//           [m C(m-1,|H|)]^-1 [b C(b-1,|S|)]^-1 (v(H + S + t) - v(H + S)),
// m unions, b messages in t's. A union's values add up to its Shapley value in the quotient game of
// the unions.
namespace assay::credit {

struct OwenOptions {
  // The union of each message, 0..m-1. Every union has at least one message, and there are 1 to 256
  // messages.
  std::vector<int> union_of;
  // How many distinct questions may be asked, at least 2. The values are exact where this allows
  // OwenQuestionCount questions and sampled otherwise. 0 means the exact number.
  std::int64_t max_questions = 0;
  double confidence = 0.95;
  double target_half_width = 0;  // as in CreditOptions
  int samples_per_question = 1;
  std::uint64_t seed = 0;
  double value_low = 0;
  double value_high = 1;
  Noise noise = Noise::kNone;  // as in CreditOptions
};

inline constexpr std::int64_t kMaxOwenQuestions = std::int64_t{1} << 20;

// 2^m + sum_i 2^(m-1) (2^{T_i} - 2) for unions of the given sizes T_i >= 1; INT64_MAX where that
// does not fit.
std::int64_t OwenQuestionCount(absl::Span<const int> union_sizes);

// The exact Owen values of the messages from a table of OwenQuestionCount values, exact and within
// [low, high], of the sets of ForEachOwenSet (owen_sets.h); the same numbers as an exact plan that
// is told them. union_of as in OwenOptions, of at most 20 unions. Their sum is v(all) - v(none).
// INVALID_ARGUMENT: union_of is no partition, the table has another length.
absl::StatusOr<std::vector<double>> ExactOwen(absl::Span<const double> table,
                                              absl::Span<const int> union_of, double low,
                                              double high);

// A plan whose players are the messages; questions are the sets of messages kept. Its estimate has
// no interactions. INVALID_ARGUMENT: an option out of its range; more than
// kMaxOwenQuestions exact questions asked for.
absl::StatusOr<std::unique_ptr<CreditPlan>> MakeOwenPlan(const OwenOptions& options);

}  // namespace assay::credit

#endif  // ASSAY_SERVER_CREDIT_OWEN_H_
