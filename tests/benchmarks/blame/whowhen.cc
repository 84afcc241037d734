// Who&When, algorithm-generated part: where was the first error? From the texts alone, without the
// ground truth: five 10-fold cross-validations grouped by question. Prints one line a figure.
#include "tests/simulation/blame/whowhen.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace assay::blame {
namespace {

constexpr int kRepeats = 5;

// With half of a 95 % interval (Wald): repeats add no episodes.
void PrintShare(const char* name, double count, double of) {
  const double share = count / of;
  const double half = 1.96 * std::sqrt(share * (1 - share) / (of / kRepeats));
  std::printf("%s %.1f percent, 95%% interval +- %.1f\n", name, 100 * share, 100 * half);
}

int Main(double ridge, uint64_t seed) {
  const WhoWhenTally tally = CrossValidateWhoWhen(kRepeats, seed, {.ridge = ridge});
  if (tally.tries == 0) {
    std::printf("skipped: no shared data\n");
    return 0;
  }
  std::printf("whowhen_episodes %.0f episodes\n", tally.tries / kRepeats);
  PrintShare("whowhen_step_accuracy", tally.step, tally.tries);
  PrintShare("whowhen_agent_accuracy", tally.agent, tally.tries);
  PrintShare("whowhen_credible_80_covers", tally.covered, tally.tries);
  std::printf("whowhen_credible_80_size %.2f messages\n", tally.set_size / tally.tries);
  std::printf("whowhen_claims %.1f a_cross_validation\n", tally.claims / kRepeats);
  if (tally.claims > 0) PrintShare("whowhen_claims_right", tally.right_claims, tally.claims);
  return 0;
}

}  // namespace
}  // namespace assay::blame

// Arguments: ridge (0: chosen within each training fold) and first seed of the folds.
int main(int argc, char** argv) {
  return assay::blame::Main(argc > 1 ? std::atof(argv[1]) : 0,
                            argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1);
}
