#include "server/blame/stated_prior.h"

#include <gtest/gtest.h>

#include <numeric>

namespace assay::blame {
namespace {

std::vector<double> Shares(std::vector<double> mass) {
  const double sum = std::accumulate(mass.begin(), mass.end(), 0.0);
  for (double& m : mass) m /= sum;
  return mass;
}

// Uniform rates of errors make early messages likelier; uniform statements do not.
TEST(StatedPrior, IsWhatThePosteriorSaysWhereNothingElseIsKnown) {
  Evidence evidence;
  evidence.agents = 2;
  evidence.authors = {0, 1, kNobody, 0, 1, 1, 0, kNobody, 0};
  const std::vector<double> plain = Shares(ComputePosterior(evidence).first);
  EXPECT_GT(plain[0], 1.3 * plain[8]);
  for (const std::vector<double>& stated :
       {std::vector<double>{1, 1, 1, 1, 1, 1, 1, 1, 1}, {.05, .6, 0, .05, .1, .05, .05, 0, .1}}) {
    for (const ErrorDefinition definition :
         {ErrorDefinition::kStaysUnlikely, ErrorDefinition::kCorrectionFlips,
          ErrorDefinition::kIncorrectStep}) {
      evidence.prior = StatedPrior(evidence, stated, {}, definition);
      EXPECT_NEAR(std::accumulate(evidence.prior.begin(), evidence.prior.end(), 0.0), 1, 1e-12);
      PosteriorOptions options;
      options.definition = definition;
      const std::vector<double> first = Shares(ComputePosterior(evidence, {}, options).first);
      std::vector<double> wanted = stated;
      wanted[2] = wanted[7] = 0;
      wanted = Shares(wanted);
      for (size_t t = 0; t < wanted.size(); ++t) EXPECT_NEAR(first[t], wanted[t], 1e-4) << t;
    }
  }
}

TEST(BlendedPrior, MixesWhatIsSaidAtHomeWithUniformShares) {
  Evidence evidence;
  evidence.agents = 1;
  evidence.authors.assign(6, 0);
  const std::vector<double> fitted = {.1, .5, .1, .1, .1, .1};
  const auto blend = [&](double share) {
    const std::vector<double> rest(6, (1 - share) / 6);
    return BlendedPrior(evidence, fitted, share, rest, {}, ErrorDefinition::kStaysUnlikely);
  };
  EXPECT_EQ(blend(1), fitted);
  evidence.prior = fitted;
  const std::vector<double> home = Shares(ComputePosterior(evidence).first);
  evidence.prior = blend(0);
  for (const double share : Shares(ComputePosterior(evidence).first)) {
    EXPECT_NEAR(share, 1.0 / 6, 1e-5);
  }
  evidence.prior = blend(0.25);
  const std::vector<double> between = Shares(ComputePosterior(evidence).first);
  for (size_t t = 0; t < 6; ++t) EXPECT_NEAR(between[t], 0.25 * home[t] + 0.125, 1e-5);
}

TEST(StatedPrior, LongEpisodesKeepWhatWasStated) {
  Evidence evidence;
  evidence.agents = 1;
  evidence.authors.assign(kMaxStated + 1, 0);
  std::vector<double> stated(evidence.authors.size(), 2.0);
  const std::vector<double> prior =
      StatedPrior(evidence, stated, {}, ErrorDefinition::kStaysUnlikely);
  EXPECT_DOUBLE_EQ(prior[0], prior[4000]);
}

}  // namespace
}  // namespace assay::blame
