// An environment as a remote evaluator: slow, and where --noise is set, never twice the same.
//
//   simulated_environment --latency=50ms --noise=0.1 --listen=127.0.0.1:50062
//
// Agent k solves the task alone with probability 1/(k + 2), independently of the others. A sample
// is the team's probability of success plus Gaussian noise, clipped to [0, 1]; the noise depends on
// seed, coalition and the number of the sample alone, so that a run can be repeated.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iostream>
#include <string>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "client/cpp/examples/evaluator_server.h"

ABSL_FLAG(std::string, listen, "127.0.0.1:0", "HOST:PORT");
ABSL_FLAG(absl::Duration, latency, absl::Milliseconds(50), "of every call");
ABSL_FLAG(double, noise, 0, "standard deviation of one sample");

namespace {

namespace v1 = assay::v1;

uint64_t Mix(uint64_t z) {
  z += 0x9e3779b97f4a7c15ull;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

// Box and Muller, from two counters.
double Gaussian(uint64_t key) {
  const double u = static_cast<double>((Mix(key) >> 11) + 1) * 0x1.0p-53;
  const double v = static_cast<double>(Mix(key ^ 0x5851f42d4c957f2dull) >> 11) * 0x1.0p-53;
  return std::sqrt(-2 * std::log(u)) * std::cos(2 * M_PI * v);
}

double SuccessProbability(const v1::Coalition& coalition) {
  double failure = 1;
  for (const int agent : coalition.agents()) failure *= 1 - 1.0 / (agent + 2);
  return 1 - failure;
}

v1::Answer Sample(const v1::Question& question, uint64_t seed, double noise) {
  const v1::Coalition& coalition = question.counterfactual().coalition();
  uint64_t key = Mix(seed);
  for (const int agent : coalition.agents()) key = Mix(key ^ static_cast<uint64_t>(agent + 1));
  const int samples = std::max(1, question.samples());
  double sum = 0;
  double squares = 0;
  for (int i = 0; i < samples; ++i) {
    const double sample = std::clamp(
        SuccessProbability(coalition) + noise * Gaussian(key + static_cast<uint64_t>(i)), 0.0, 1.0);
    sum += sample;
    squares += sample * sample;
  }
  v1::Answer answer;
  answer.set_mean(sum / samples);
  answer.set_samples(samples);
  // One sample does not tell its spread; whoever knows it should say so.
  answer.set_variance(samples > 1 ? std::max(0.0, (squares - sum * sum / samples) / (samples - 1))
                                  : noise * noise);
  return answer;
}

}  // namespace

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  const double noise = absl::GetFlag(FLAGS_noise);
  assay::examples::EvaluatorServerOptions options;
  options.listen = absl::GetFlag(FLAGS_listen);
  options.latency = absl::GetFlag(FLAGS_latency);
  options.deterministic = noise == 0;
  const absl::Status status = assay::examples::ServeEvaluator(
      options, [noise](const v1::EvaluateRequest& request) -> absl::StatusOr<v1::Answers> {
        v1::Answers answers;
        for (const v1::Question& question : request.questions()) {
          if (!question.counterfactual().has_coalition()) {
            return absl::UnimplementedError("this environment knows coalitions only");
          }
          *answers.add_answers() = Sample(question, request.seed(), noise);
        }
        return answers;
      });
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
