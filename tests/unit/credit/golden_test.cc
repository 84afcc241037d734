#include "tests/unit/golden.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/credit/credit_plan.h"
#include "server/credit/exact.h"
#include "server/credit/owen.h"

namespace assay::credit {
namespace {

using assay::testing::Append;
using assay::testing::Dice;
using assay::testing::Golden;

// Of agents with weights: a vote, or a sum with pairs that help or hinder each other.
class DrawnGame {
 public:
  DrawnGame(int n, bool vote, uint64_t seed) : n_(n), vote_(vote), dice_(seed) {
    for (int i = 0; i < n; ++i) weight_.push_back(dice_.Unit() * dice_.Unit());
    for (int i = 0; i < n; ++i) total_ += weight_[i];
    for (int i = 0; i + 1 < n; ++i) pair_.push_back((dice_.Unit() - 0.4) / n);
  }

  double Mean(const PlayerSet& players) const {
    double sum = 0;
    for (int i = 0; i < n_; ++i) sum += players.contains(i) ? weight_[i] : 0;
    if (vote_) return sum > 0.45 * total_ ? 1 : 0;
    sum *= 0.5 / total_;
    for (int i = 0; i + 1 < n_; ++i) {
      if (players.contains(i) && players.contains(i + 1)) sum += pair_[i];
    }
    return std::clamp(sum + 0.2, 0.0, 1.0);
  }

  Answer Reply(const Question& question, bool noisy) {
    Answer answer{.mean = Mean(question.players), .samples = question.samples};
    if (!noisy) return answer;
    int successes = 0;
    for (int s = 0; s < question.samples; ++s) {
      successes += dice_.Unit() < 0.1 + 0.8 * answer.mean ? 1 : 0;
    }
    answer.mean = static_cast<double>(successes) / question.samples;
    if (question.samples > 1) {
      answer.variance = answer.mean * (1 - answer.mean) * question.samples / (question.samples - 1);
    }
    return answer;
  }

 private:
  const int n_;
  const bool vote_;
  Dice dice_;
  std::vector<double> weight_;
  std::vector<double> pair_;
  double total_ = 0;
};

// Where the sum of what was asked, each by its place, stands for all of it.
struct Asked {
  double places = 0;
  int stages = 0;
};

Asked DriveDrawn(CreditPlan& plan, DrawnGame& game, int n, bool noisy) {
  Asked asked;
  int place = 0;
  while (!plan.done()) {
    ++asked.stages;
    std::vector<Answer> answers;
    for (const Question& question : plan.ask()) {
      ++place;
      for (int i = 0; i < n; ++i) {
        asked.places += question.players.contains(i) ? place * (i + 1) * question.samples : 0;
      }
      answers.push_back(game.Reply(question, noisy));
    }
    EXPECT_TRUE(plan.tell(answers).ok());
  }
  return asked;
}

std::vector<double> Numbers(const CreditEstimate& e, const Asked& asked) {
  std::vector<double> numbers = {asked.places,
                                 static_cast<double>(asked.stages),
                                 static_cast<double>(e.questions),
                                 static_cast<double>(e.samples),
                                 static_cast<double>(e.method),
                                 static_cast<double>(e.interval),
                                 e.baseline,
                                 e.grand,
                                 e.total_std_error,
                                 e.raw_gap};
  for (const auto* row : {&e.values, &e.std_errors, &e.low, &e.high}) {
    Append(numbers, *row);
  }
  for (const PairInteraction& pair : e.interactions) numbers.push_back(pair.value);
  return numbers;
}

struct Case {
  Method method;
  int n;
  int questions;
};

// With a vote's values and with real ones, exact, noisy and noisy without a word of it.
void ExpectEstimates(Golden& golden, const std::vector<Case>& cases, uint64_t seed) {
  for (const Case& c : cases) {
    for (const bool vote : {false, true}) {
      for (const int samples : {0, 1, 4}) {  // 0: no noise
        if (samples > 0 && c.n > 12) continue;
        const CreditOptions options = {.n = c.n,
                                       .method = c.method,
                                       .max_questions = c.questions,
                                       .target_half_width = samples == 4 ? 0.05 : 0,
                                       .confidence = vote ? 0.95 : 0.8,
                                       .samples_per_question = std::max(samples, 1),
                                       .seed = ++seed,
                                       .noise = samples == 0   ? Noise::kNone
                                                : samples == 1 ? Noise::kSampled
                                                               : Noise::kUnsaid};
        auto plan = MakeCreditPlan(options);
        ASSERT_TRUE(plan.ok()) << plan.status();
        DrawnGame game(c.n, vote, seed);
        const Asked asked = DriveDrawn(**plan, game, c.n, samples > 0);
        const auto estimate = (*plan)->finish();
        ASSERT_TRUE(estimate.ok()) << estimate.status();
        golden.Expect(absl::StrCat(MethodName(c.method), " n=", c.n, " q=", c.questions,
                                   vote ? " vote" : " sum", " samples=", samples),
                      Numbers(*estimate, asked));
      }
    }
  }
}

TEST(Golden, Estimates) {
  Golden golden("credit");
  const std::vector<Case> cases = {
      {Method::kExact, 1, 2},         {Method::kExact, 4, 16},       {Method::kOddBayes, 5, 10},
      {Method::kOddBayes, 6, 24},     {Method::kOddBayes, 8, 64},    {Method::kOddBayes, 7, 40},
      {Method::kOddBayes, 14, 90},    {Method::kAntithetic, 5, 11},  {Method::kAntithetic, 7, 60},
      {Method::kAntithetic, 40, 160}, {Method::kPermutation, 6, 40}, {Method::kPermutation, 12, 90},
      {Method::kLeverage, 6, 30},     {Method::kLeverage, 12, 100},  {Method::kKernel, 6, 30},
      {Method::kKernel, 12, 100},
  };
  ExpectEstimates(golden, cases, 0);
}

// Few agents, few questions and nearly all of them; many agents.
TEST(Golden, EstimatesAtTheEdges) {
  Golden golden("edges");
  const std::vector<Case> cases = {
      {Method::kExact, 2, 4},        {Method::kExact, 3, 8},       {Method::kExact, 7, 128},
      {Method::kOddBayes, 2, 3},     {Method::kOddBayes, 3, 4},    {Method::kOddBayes, 3, 7},
      {Method::kOddBayes, 4, 8},     {Method::kOddBayes, 4, 15},   {Method::kOddBayes, 6, 60},
      {Method::kOddBayes, 11, 300},  {Method::kAntithetic, 2, 3},  {Method::kAntithetic, 3, 12},
      {Method::kAntithetic, 6, 200}, {Method::kPermutation, 2, 5}, {Method::kPermutation, 3, 7},
      {Method::kPermutation, 5, 80}, {Method::kLeverage, 3, 7},    {Method::kLeverage, 4, 15},
      {Method::kLeverage, 8, 200},   {Method::kLeverage, 30, 70},  {Method::kKernel, 3, 7},
      {Method::kKernel, 4, 15},      {Method::kKernel, 8, 200},    {Method::kKernel, 30, 70},
      {Method::kAuto, 3, 7},         {Method::kAuto, 5, 32},       {Method::kAuto, 9, 100},
      {Method::kAuto, 25, 120},
  };
  ExpectEstimates(golden, cases, 1000);
}

// The answers of a game of [0, 1], moved to another range.
Answer Moved(Answer answer, double low, double size) {
  answer.mean = low + size * answer.mean;
  answer.variance *= size * size;
  return answer;
}

// One stage: `answer` of each question and its place in it.
template <class Reply>
void TakeStage(CreditPlan& plan, Asked& asked, const Reply& answer) {
  ++asked.stages;
  std::vector<Answer> answers;
  for (const Question& question : plan.ask()) {
    asked.places += static_cast<double>(question.players.size() * (answers.size() + 1));
    answers.push_back(answer(question, answers.size()));
  }
  ASSERT_TRUE(plan.tell(answers).ok());
}

// Ranges that do not begin at 0; ended after a stage or by an answer that is missing; and both
// sides of what decides how candidates are found and how many pairs a fit sees.
TEST(Golden, EstimatesOfOtherRangesAndOfWhatThereIs) {
  Golden golden("ranges");
  const std::vector<Case> cases = {
      {Method::kExact, 1, 2},       {Method::kExact, 5, 32},        {Method::kExact, 9, 512},
      {Method::kOddBayes, 6, 30},   {Method::kOddBayes, 7, 100},    {Method::kOddBayes, 12, 280},
      {Method::kOddBayes, 13, 60},  {Method::kOddBayes, 14, 60},    {Method::kOddBayes, 40, 130},
      {Method::kAntithetic, 6, 6},  {Method::kAntithetic, 6, 11},   {Method::kAntithetic, 9, 100},
      {Method::kPermutation, 6, 4}, {Method::kPermutation, 6, 8},   {Method::kPermutation, 9, 100},
      {Method::kLeverage, 7, 40},   {Method::kLeverage, 16, 200},   {Method::kKernel, 7, 40},
      {Method::kKernel, 16, 200},   {Method::kPermutation, 9, 511}, {Method::kAntithetic, 9, 511},
  };
  constexpr double kLow = -3;
  constexpr double kSize = 8;
  enum End { kAll, kOneStage, kOneMissing };
  uint64_t seed = 2000;
  for (const Case& c : cases) {
    for (const End end : {kAll, kOneStage, kOneMissing}) {
      const bool noisy = c.n < 8 && ++seed % 2 == 0;
      const CreditOptions options = {.n = c.n,
                                     .method = c.method,
                                     .max_questions = c.questions,
                                     .target_half_width = end == kAll ? 0 : 0.01,
                                     .confidence = 0.7,
                                     .samples_per_question = noisy ? 2 : 1,
                                     .seed = seed,
                                     .value_low = kLow,
                                     .value_high = kLow + kSize,
                                     .noise = noisy ? Noise::kSampled : Noise::kNone};
      auto plan = MakeCreditPlan(options);
      ASSERT_TRUE(plan.ok()) << plan.status();
      DrawnGame game(c.n, false, seed);
      Asked asked;
      while (!(*plan)->done() && (end != kOneStage || asked.stages < 1)) {
        const bool missing = end == kOneMissing && asked.stages == 1;
        const size_t middle = (*plan)->ask().size() / 2;
        TakeStage(**plan, asked, [&](const Question& question, size_t k) {
          Answer answer = Moved(game.Reply(question, noisy), kLow, kSize);
          if (missing && k == middle) answer.samples = 0;
          return answer;
        });
        if (HasFatalFailure()) return;
      }
      const auto estimate = (*plan)->finish();
      std::vector<double> numbers = {static_cast<double>((*plan)->done())};
      if (estimate.ok()) Append(numbers, Numbers(*estimate, asked));
      golden.Expect(
          absl::StrCat(MethodName(c.method), " n=", c.n, " q=", c.questions, " end=", end),
          numbers);
    }
  }
}

// The even part joins pairs, the odd part is of high orders: once the even part is known, one side
// of a pair is asked for.
TEST(Golden, EstimatesFromOneSide) {
  Golden golden("one_side");
  for (const int n : {7, 8, 13, 14}) {
    for (const int samples : {1, 2}) {
      Dice dice(n);
      const auto mean = [n](const PlayerSet& players) {
        const auto spin = [&](int i) { return players.contains(i % n) ? 1 : -1; };
        double value = 5 + spin(0);
        for (int i = 0; i < n; ++i) value += 0.3 * spin(i) * spin(i + 1) * spin(i + 3);
        return value + 0.2 * spin(0) * spin(1) - 0.1 * spin(2) * spin(3);
      };
      auto plan = MakeCreditPlan({.n = n,
                                  .method = Method::kOddBayes,
                                  .max_questions = 16 * n - 3,
                                  .samples_per_question = samples,
                                  .seed = static_cast<uint64_t>(n),
                                  .value_low = -5,
                                  .value_high = 15,
                                  .noise = samples > 1 ? Noise::kSampled : Noise::kNone});
      ASSERT_TRUE(plan.ok()) << plan.status();
      Asked asked;
      while (!(*plan)->done()) {
        TakeStage(**plan, asked, [&](const Question& question, size_t) {
          const double noise = samples > 1 ? 0.02 * (dice.Unit() - 0.5) : 0;
          return Answer{.mean = mean(question.players) + noise,
                        .samples = question.samples,
                        .variance = samples > 1 ? 1e-4 : 0};
        });
        if (HasFatalFailure()) return;
      }
      const auto estimate = (*plan)->finish();
      ASSERT_TRUE(estimate.ok()) << estimate.status();
      golden.Expect(absl::StrCat("n=", n, " samples=", samples), Numbers(*estimate, asked));
    }
  }
}

TEST(Golden, OwenEstimates) {
  Golden golden("owen");
  const std::vector<std::vector<int>> authors = {
      {0, 0, 0}, {0, 1, 0, 1, 2}, {0, 1, 1, 1, 2, 2, 0}, {0, 1, 2, 3, 0, 1, 2, 3, 0, 0}};
  uint64_t seed = 100;
  for (const std::vector<int>& union_of : authors) {
    const int n = static_cast<int>(union_of.size());
    for (const int questions : {0, 2 * n + 1, 5 * n}) {
      for (const int samples : {0, 1, 3}) {
        const OwenOptions options = {.union_of = union_of,
                                     .max_questions = questions,
                                     .samples_per_question = std::max(samples, 1),
                                     .seed = ++seed,
                                     .noise = samples == 0 ? Noise::kNone : Noise::kUnsaid};
        auto plan = MakeOwenPlan(options);
        ASSERT_TRUE(plan.ok()) << plan.status();
        DrawnGame game(n, false, seed);
        const Asked asked = DriveDrawn(**plan, game, n, samples > 0);
        const auto estimate = (*plan)->finish();
        ASSERT_TRUE(estimate.ok()) << estimate.status();
        golden.Expect(absl::StrCat("messages=", n, " q=", questions, " samples=", samples),
                      Numbers(*estimate, asked));
      }
    }
  }
}

}  // namespace
}  // namespace assay::credit
