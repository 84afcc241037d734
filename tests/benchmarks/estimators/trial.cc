#include "tests/benchmarks/estimators/trial.h"

#include <time.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <set>

namespace assay::benchmarks {
namespace {

// Of this thread: what others run on the machine is not the estimator's.
double CpuMilliseconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return 1e3 * static_cast<double>(now.tv_sec) + 1e-6 * static_cast<double>(now.tv_nsec);
}

void Require(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  std::exit(1);
}

// The mean of Bernoulli answers worth low or high, and the unbiased variance of one of them.
Answer Sample(double value, double low, double high, int samples, std::mt19937_64& engine) {
  const double chance = (value - low) / (high - low);
  int successes = 0;
  for (int k = 0; k < samples; ++k) {
    successes += static_cast<double>(engine() >> 11) * 0x1p-53 < chance;
  }
  const double mean = static_cast<double>(successes) / samples;
  const double range = high - low;
  const double variance =
      samples > 1 ? mean * (1 - mean) * samples / (samples - 1) * range * range : 0;
  return {low + range * mean, samples, variance};
}

}  // namespace

Trial RunTrial(const Game& game, const TrialOptions& options) {
  credit::CreditOptions credit;
  credit.n = game.n;
  credit.method = options.method;
  credit.max_questions = options.budget;
  credit.seed = options.seed;
  credit.value_low = game.low;
  credit.value_high = game.high;
  credit.noise = options.samples > 0 ? credit::Noise::kSampled : credit::Noise::kNone;
  credit.samples_per_question = std::max(1, options.samples);
  std::mt19937_64 noise(options.seed * 1000003 + 17);

  Trial trial;
  std::set<PlayerSet> distinct;
  double start = CpuMilliseconds();
  auto plan = credit::MakeCreditPlan(credit);
  Require(plan.status());
  while (!(*plan)->done()) {
    const std::vector<Question>& questions = (*plan)->ask();
    trial.milliseconds += CpuMilliseconds() - start;
    std::vector<Answer> answers;
    for (const Question& question : questions) {
      ++trial.questions;
      trial.samples += question.samples;
      distinct.insert(question.players);
      const double value = game.value(question.players.mask());
      answers.push_back(options.samples > 0
                            ? Sample(value, game.low, game.high, question.samples, noise)
                            : Answer{.mean = value});
    }
    start = CpuMilliseconds();
    Require((*plan)->tell(answers));
  }
  absl::StatusOr<credit::CreditEstimate> estimate = (*plan)->finish();
  trial.milliseconds += CpuMilliseconds() - start;
  Require(estimate.status());
  trial.distinct = static_cast<std::int64_t>(distinct.size());

  double sum = 0;
  double widths = 0;
  double errors = 0;
  for (int i = 0; i < game.n; ++i) {
    const double error = estimate->values[i] - game.truth[i];
    trial.squared_error += error * error / game.n;
    sum += estimate->values[i];
    const double slack = 1e-12 * (game.high - game.low);
    trial.covered +=
        (game.truth[i] >= estimate->low[i] - slack && game.truth[i] <= estimate->high[i] + slack) /
        static_cast<double>(game.n);
    widths += (estimate->high[i] - estimate->low[i]) / 2;
    errors += std::abs(error);
  }
  trial.efficiency_error =
      std::abs(sum - (estimate->grand - estimate->baseline)) / (game.high - game.low);
  trial.mean_width = 2 * widths / game.n / (game.high - game.low);
  trial.needed_ratio = errors > 0 ? widths / errors : 0;
  trial.estimate = *std::move(estimate);
  return trial;
}

}  // namespace assay::benchmarks
