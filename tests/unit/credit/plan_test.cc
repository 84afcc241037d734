#include <algorithm>
#include <cmath>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/credit/credit_plan.h"
#include "server/credit/exact.h"
#include "tests/unit/credit/drive.h"

namespace assay::credit {
namespace {

const Game kExample = [](const PlayerSet& players) {
  constexpr double table[] = {0, 0.5, 0, 0.7, 0, 0.6, 0, 1};
  return table[players.mask()];
};

std::unique_ptr<CreditPlan> Make(const CreditOptions& options) {
  absl::StatusOr<std::unique_ptr<CreditPlan>> plan = MakeCreditPlan(options);
  EXPECT_TRUE(plan.ok()) << plan.status();
  return plan.ok() ? *std::move(plan) : nullptr;
}

TEST(ExactPlan, AsksEveryCoalitionOnceAndFindsTheShapleyValue) {
  const std::unique_ptr<CreditPlan> plan = Make({.n = 3});
  const std::vector<PlayerSet> asked = Drive(*plan, kExample);
  EXPECT_EQ(asked.size(), 8u);
  EXPECT_EQ(std::set<PlayerSet>(asked.begin(), asked.end()).size(), 8u);
  const absl::StatusOr<CreditEstimate> estimate = plan->finish();
  ASSERT_TRUE(estimate.ok());
  EXPECT_NEAR(estimate->values[0], 0.7166666666666667, 1e-12);
  EXPECT_NEAR(estimate->values[2], 0.1166666666666667, 1e-12);
  EXPECT_EQ(estimate->method, Method::kExact);
  EXPECT_EQ(estimate->interval, IntervalKind::kExact);
  EXPECT_EQ(estimate->std_errors[0], 0);
  EXPECT_EQ(estimate->low[0], estimate->high[0]);
  EXPECT_EQ(estimate->grand, 1);
  EXPECT_EQ(estimate->baseline, 0);
  EXPECT_NEAR(estimate->raw_gap, 0, 1e-12);
  EXPECT_EQ(estimate->questions, 8);
  EXPECT_TRUE(estimate->complete);
  EXPECT_EQ(estimate->interactions.size(), 3u);
}

TEST(ExactPlan, AsksSmallAndLargeCoalitionsFirst) {
  const std::unique_ptr<CreditPlan> plan = Make({.n = 6, .method = Method::kExact});
  EXPECT_EQ(plan->ask().size(), 14u);
  for (const Question& question : plan->ask()) {
    const int size = question.players.size();
    EXPECT_TRUE(size <= 1 || size >= 5) << size;
  }
}

TEST(ExactPlan, NoiseBecomesAStandardError) {
  const std::unique_ptr<CreditPlan> plan =
      Make({.n = 2, .samples_per_question = 10, .noise = Noise::kSampled});
  ASSERT_EQ(plan->ask().size(), 4u);
  EXPECT_EQ(plan->ask()[0].samples, 10);
  ASSERT_TRUE(
      plan->tell(std::vector<Answer>(4, {.mean = 0.5, .samples = 10, .variance = 0.4})).ok());
  const absl::StatusOr<CreditEstimate> estimate = plan->finish();
  ASSERT_TRUE(estimate.ok());
  EXPECT_NEAR(estimate->std_errors[0], 0.2, 1e-12);  // sqrt(4 * 1/4 * 0.04)
  EXPECT_NEAR(estimate->high[0] - estimate->values[0], 0.2 * 1.959963984540054, 1e-9);
  EXPECT_EQ(estimate->interval, IntervalKind::kDesign);
  EXPECT_NEAR(estimate->total_std_error, 0.2828427124746190, 1e-12);
  EXPECT_EQ(estimate->samples, 40);
}

TEST(ExactPlan, AgreeingSamplesOfANoisyGameAreNotTakenAsExact) {
  const std::unique_ptr<CreditPlan> plan =
      Make({.n = 1, .samples_per_question = 2, .noise = Noise::kSampled});
  ASSERT_TRUE(plan->tell({{.mean = 0, .samples = 2}, {.mean = 1, .samples = 2}}).ok());
  // Both variances 3/4 * 1/4, halved by two samples, added.
  EXPECT_NEAR(plan->finish()->std_errors[0], std::sqrt(0.1875), 1e-12);
}

TEST(ExactPlan, AnswersWithoutVarianceAreExactWhereNobodySpeaksOfNoise) {
  const std::unique_ptr<CreditPlan> plan = Make({.n = 1, .noise = Noise::kUnsaid});
  ASSERT_TRUE(plan->tell({{.mean = 0}, {.mean = 1}}).ok());
  EXPECT_EQ(plan->finish()->std_errors[0], 0);
  EXPECT_EQ(plan->finish()->interval, IntervalKind::kExact);
}

TEST(ExactPlan, OneVarianceTellsThatTheOtherAnswersMerelyAgreed) {
  const std::unique_ptr<CreditPlan> plan = Make({.n = 1, .noise = Noise::kUnsaid});
  ASSERT_TRUE(
      plan->tell({{.mean = 0, .samples = 2}, {.mean = 0.5, .samples = 2, .variance = 0.5}}).ok());
  EXPECT_NEAR(plan->finish()->std_errors[0], std::sqrt((0.1875 + 0.5) / 2), 1e-12);
  EXPECT_EQ(plan->finish()->interval, IntervalKind::kDesign);
}

TEST(ExactPlan, ADeterministicGameIsTakenAtItsWord) {
  const std::unique_ptr<CreditPlan> plan = Make({.n = 1});
  ASSERT_TRUE(
      plan->tell({{.mean = 0, .samples = 2}, {.mean = 0.5, .samples = 2, .variance = 0.5}}).ok());
  EXPECT_NEAR(plan->finish()->std_errors[0], 0.5, 1e-12);
}

TEST(ExactPlan, SpendsSamplesWhereTheyWeigh) {
  const int n = 6;
  const std::unique_ptr<CreditPlan> plan =
      Make({.n = n, .samples_per_question = 4, .noise = Noise::kSampled});
  std::vector<double> variances(64);
  int samples = 0;
  std::vector<int> most(n + 1);
  while (!plan->done()) {
    std::vector<Answer> answers;
    for (const Question& question : plan->ask()) {
      samples += question.samples;
      variances[question.players.mask()] = 1.0 / question.samples;
      most[question.players.size()] = std::max(most[question.players.size()], question.samples);
      answers.push_back({.mean = 0.5, .samples = question.samples, .variance = 0.25});
    }
    ASSERT_TRUE(plan->tell(answers).ok());
  }
  EXPECT_EQ(samples, 256);
  // 256 w_S / sum w_S with w = 0.408, 0.183, 0.058, 0.041 by size is 18.8, 8.4, 2.7, 1.9.
  EXPECT_THAT(most, testing::ElementsAre(19, 9, 3, 2, 3, 9, 19));
  const double uniform = ShapleyVariance(std::vector<double>(64, 0.25), n)[0];
  EXPECT_LT(ShapleyVariance(variances, n)[0], 0.6 * uniform);
}

// None goes without, and together they are what was allowed.
TEST(ExactPlan, SamplesAddUpToWhatWasAllowed) {
  for (int n = 1; n <= 12; ++n) {
    for (const int average : {1, 2, 3, 10}) {
      const std::unique_ptr<CreditPlan> plan = Make({.n = n,
                                                     .method = Method::kExact,
                                                     .max_questions = 1 << n,
                                                     .samples_per_question = average,
                                                     .noise = Noise::kSampled});
      int64_t samples = 0;
      while (!plan->done()) {
        std::vector<Answer> answers;
        for (const Question& question : plan->ask()) {
          ASSERT_GE(question.samples, 1);
          samples += question.samples;
          answers.push_back({.mean = 0.5, .samples = question.samples, .variance = 0.25});
        }
        ASSERT_TRUE(plan->tell(answers).ok());
      }
      // A half is rounded for both sides of a pair.
      EXPECT_NEAR(static_cast<double>(samples), average * std::ldexp(1, n), 1) << n;
    }
  }
}

// The first pairs, then about as many as an estimate needs, then four times as many each, at most
// 2^15.
TEST(ExactPlan, StagesGrow) {
  const std::unique_ptr<CreditPlan> plan =
      Make({.n = 17, .method = Method::kExact, .max_questions = 1 << 17});
  std::vector<size_t> pairs;
  while (!plan->done()) {
    pairs.push_back(plan->ask().size() / 2);
    ASSERT_TRUE(plan->tell(std::vector<Answer>(plan->ask().size(), {.mean = 0.5})).ok());
  }
  EXPECT_THAT(pairs, testing::ElementsAre(18, 50, 204, 816, 3264, 13056, 32768, 15360));
}

TEST(CreditPlan, RejectsAnswersThatAreNone) {
  const std::unique_ptr<CreditPlan> plan = Make({.n = 1});
  EXPECT_EQ(plan->tell({}).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(plan->tell({{.mean = 0}, {.mean = 2}}).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(plan->tell({{.mean = 0}, {.mean = 1, .variance = -1}}).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(plan->finish().status().code(), absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(plan->tell({{.mean = 0.25}, {.mean = 1}}).ok());
  EXPECT_TRUE(plan->done());
  EXPECT_EQ(plan->tell({}).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_DOUBLE_EQ(plan->finish()->values[0], 0.75);
}

// Rounding may carry a value out of its range by a billionth of it: here by 2^-28.
TEST(CreditPlan, TakesValuesAtTheVeryEdge) {
  const double slack = std::ldexp(1, -28);
  const auto taken = [](double low, double high, double mean) {
    return Make({.n = 1, .value_low = low, .value_high = high})->tell({{.mean = mean}, {}}).ok();
  };
  EXPECT_TRUE(taken(0, 1e9 * slack, -slack));
  EXPECT_FALSE(taken(0, 1e9 * slack, std::nextafter(-slack, -1)));
  EXPECT_TRUE(taken(-1e9 * slack, 0, slack));
  EXPECT_FALSE(taken(-1e9 * slack, 0, std::nextafter(slack, 1)));
  const auto plan = Make({.n = 1});
  for (const double bad : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
    EXPECT_FALSE(plan->tell({{.mean = bad}, {.mean = 1}}).ok());
    EXPECT_FALSE(plan->tell({{.mean = 1}, {.mean = 1, .variance = bad}}).ok());
  }
  EXPECT_FALSE(plan->tell({{.mean = 1}, {.mean = 1, .samples = -1}}).ok());
  EXPECT_TRUE(plan->tell({{.mean = 0}, {.mean = 1, .variance = 0}}).ok());
}

TEST(CreditPlan, AMissingAnswerEndsThePlan) {
  const std::unique_ptr<CreditPlan> plan = Make({.n = 1});
  ASSERT_TRUE(plan->tell({{.mean = 0.25}, {.samples = 0}}).ok());
  EXPECT_TRUE(plan->done());
  EXPECT_EQ(plan->finish().status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(CreditPlan, EstimatesAreFiniteAtTheEdgesOfConfidence) {
  for (const double confidence : {std::nextafter(0.0, 1.0), std::nextafter(1.0, 0.0)}) {
    for (const Method method : {Method::kKernel, Method::kLeverage, Method::kPermutation,
                                Method::kAntithetic, Method::kOddBayes}) {
      const std::unique_ptr<CreditPlan> plan =
          Make({.n = 6, .method = method, .max_questions = 24, .confidence = confidence});
      Drive(*plan, [](const PlayerSet& players) { return players.size() > 3 ? 1.0 : 0.0; });
      const absl::StatusOr<CreditEstimate> estimate = plan->finish();
      ASSERT_TRUE(estimate.ok()) << estimate.status();
      for (int i = 0; i < 6; ++i) {
        EXPECT_TRUE(std::isfinite(estimate->std_errors[i])) << confidence;
        EXPECT_TRUE(std::isfinite(estimate->low[i])) << confidence;
        EXPECT_TRUE(std::isfinite(estimate->high[i])) << confidence;
      }
    }
  }
}

TEST(MakeCreditPlan, NamesTheOptionThatIsOutOfRange) {
  const auto message = [](const CreditOptions& options) {
    return std::string(MakeCreditPlan(options).status().message());
  };
  EXPECT_THAT(message({.n = 0}), testing::HasSubstr("n"));
  EXPECT_THAT(message({.n = 3, .max_questions = 1}), testing::HasSubstr("max_questions"));
  EXPECT_THAT(message({.n = 3, .confidence = 1}), testing::HasSubstr("confidence"));
  EXPECT_THAT(message({.n = 3, .samples_per_question = 0}),
              testing::HasSubstr("samples_per_question"));
  EXPECT_THAT(message({.n = 3, .value_low = 1, .value_high = 1}), testing::HasSubstr("range"));
  EXPECT_THAT(message({.n = 21, .method = Method::kExact}), testing::HasSubstr("20 agents"));
  EXPECT_THAT(message({.n = 5, .method = Method::kExact, .max_questions = 31}),
              testing::HasSubstr("2^n"));
}

TEST(MakeCreditPlan, TakesWhatIsAtTheEdgeAndNothingBeyond) {
  const auto ok = [](const CreditOptions& options) { return ValidateCreditOptions(options).ok(); };
  const double nan = std::nan("");
  EXPECT_TRUE(ok({.n = 1}));
  EXPECT_TRUE(ok({.n = 256}));
  EXPECT_FALSE(ok({.n = 257}));
  EXPECT_TRUE(ok({.n = 3, .max_questions = 0}));
  EXPECT_TRUE(ok({.n = 3, .max_questions = 2}));
  EXPECT_FALSE(ok({.n = 3, .max_questions = -1}));
  EXPECT_TRUE(ok({.n = 3, .target_half_width = 0}));
  for (const double width : {-0.001, nan, HUGE_VAL, -HUGE_VAL}) {
    EXPECT_FALSE(ok({.n = 3, .target_half_width = width})) << width;
  }
  for (const double confidence : {0.0, 1.0, -0.1, 1.1, nan}) {
    EXPECT_FALSE(ok({.n = 3, .confidence = confidence})) << confidence;
  }
  EXPECT_TRUE(ok({.n = 3, .samples_per_question = 1}));
  for (const auto& [low, high] : std::vector<std::pair<double, double>>{
           {nan, 1}, {0, nan}, {-HUGE_VAL, 1}, {0, HUGE_VAL}, {1, 0}, {1, 1}}) {
    EXPECT_FALSE(ok({.n = 3, .value_low = low, .value_high = high})) << low << ' ' << high;
  }
  EXPECT_TRUE(MakeCreditPlan({.n = 20, .method = Method::kExact}).ok());
  EXPECT_TRUE(MakeCreditPlan({.n = 64, .method = Method::kOddBayes, .max_questions = 200}).ok());
  EXPECT_FALSE(MakeCreditPlan({.n = 65, .method = Method::kOddBayes, .max_questions = 200}).ok());
}

}  // namespace
}  // namespace assay::credit
