// Estimators of Shapley and Owen values: their options, their estimates and how to make one.
#ifndef ASSAY_SERVER_CREDIT_CREDIT_PLAN_H_
#define ASSAY_SERVER_CREDIT_CREDIT_PLAN_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/credit/exact.h"
#include "server/plan/plan.h"

namespace assay::credit {

enum class Method {
  kAuto,
  kExact,        // all 2^n coalitions
  kOddBayes,     // a Gaussian process on the odd part of the game; pairs are chosen one by one
  kAntithetic,   // permutations, each with its reverse
  kLeverage,     // regression on pairs drawn by leverage score without replacement
  kPermutation,  // independent permutations
  kKernel,       // KernelSHAP: regression on coalitions drawn with replacement
};
absl::string_view MethodName(Method method);

enum class IntervalKind {
  kExact,   // every value was asked and is free of noise: the interval is the value
  kModel,   // posterior of the models, weighted by how well each predicts what it was not told
  kDesign,  // from the randomness of the questions or of the answers alone
};

// What is known of the noise in the answers, and so what a variance of 0 says of one.
enum class Noise {
  kNone,     // there is none: the same question always has the same answer
  kUnsaid,   // 0 says that the answer is exact, until any answer of the game has a variance; from
             // then on it only says that the samples behind the answer agreed
  kSampled,  // there may be some: 0 only says that the samples agreed, or that there was one alone
};

// The most questions that an estimator asks, however many are allowed; they bound its work to about
// a second. Fitting a model (kOddBayes) is cubic in the number of answers, and finds with these
// what permutations and regressions need far more answers for.
inline constexpr std::int64_t kMaxModelQuestions = 2048;
inline constexpr std::int64_t kMaxSampledQuestions = std::int64_t{1} << 16;

struct CreditOptions {
  int n = 0;  // players: 1..256
  Method method = Method::kAuto;
  // The most distinct questions, at least 2. 0 stands for 2^n with kExact, and otherwise for 2^n or
  // 64 n, whichever is less. Where 2^n is more, at most kMaxModelQuestions (kOddBayes) or
  // kMaxSampledQuestions (the other estimators) are asked. Where the answers turn out to be noisy
  // some questions are asked again, and a repeat counts like a new question: the samples asked for
  // never exceed max_questions * samples_per_question.
  std::int64_t max_questions = 0;
  // The plan is done at the end of a stage once every interval reaches at most this far to each
  // side, in the unit of values. 0 means that it never ends early.
  double target_half_width = 0;
  double confidence = 0.95;      // of the intervals, in (0, 1)
  int samples_per_question = 1;  // for noisy games
  std::uint64_t seed = 0;
  double value_low = 0;  // of the game's values; credits are kept within +-(value_high - value_low)
  double value_high = 1;
  Noise noise = Noise::kNone;
};

// INVALID_ARGUMENT naming the field: an option out of its range, whatever the method.
absl::Status ValidateCreditOptions(const CreditOptions& options);

struct CreditEstimate {
  std::vector<double> values;  // sum = grand - baseline to rounding
  std::vector<double> std_errors;
  std::vector<double> low;  // interval at the confidence asked for; low <= value <= high
  std::vector<double> high;
  std::vector<PairInteraction> interactions;  // estimate for all pairs; empty for n > 64
  double baseline = 0;                        // v(empty)
  double grand = 0;                           // v(N)
  double total_std_error = 0;                 // of grand - baseline; 0 without noise
  double raw_gap = 0;  // grand - baseline - sum of the values before they were projected
  Method method = Method::kExact;
  IntervalKind interval = IntervalKind::kExact;
  std::int64_t questions = 0;  // distinct questions answered
  std::int64_t samples = 0;    // evaluations behind them
  bool complete = false;       // done() was reached; otherwise a partial estimate
};

// An estimator. Each batch of questions is a stage: it is fixed before any of its answers. A
// question asks for v(players) of a coalition, or of a set of messages where the plan is one of
// Owen values. An answer with samples = 0 says that the question could not be answered, and ends
// the plan with what is there. finish() works at the end of any stage, and fails with
// FAILED_PRECONDITION where v(empty) or v(N) is not known yet. tell() fails with INVALID_ARGUMENT
// where a value is not finite, lies outside [value_low, value_high] by more than rounding, or has a
// negative variance; the plan is unchanged then.
using CreditPlan = Plan<CreditEstimate>;

// kAuto becomes kExact where 2^n <= max_questions (n <= 20), kOddBayes where n <= 30 and
// max_questions >= 2n + 2, below that kAntithetic, and kLeverage for n > 30. INVALID_ARGUMENT: an
// option out of its range; kExact with n > 20 or fewer than 2^n questions; kOddBayes with n > 64.
absl::StatusOr<std::unique_ptr<CreditPlan>> MakeCreditPlan(const CreditOptions& options);

}  // namespace assay::credit

#endif  // ASSAY_SERVER_CREDIT_CREDIT_PLAN_H_
