#include "server/blame/node_values.h"

#include <cmath>
#include <cstddef>
#include <vector>

#include "gtest/gtest.h"
#include "server/blame/chain.h"
#include "server/blame/evidence_chain.h"
#include "server/blame/rates.h"

namespace assay::blame {
namespace {

Evidence RolledOut(const std::vector<Rollouts>& nodes) {
  Evidence evidence;
  evidence.agents = 1;
  evidence.authors.assign(nodes.size() - 1, 0);
  evidence.outcome = Outcome::kOpen;
  evidence.nodes = nodes;
  return evidence;
}

double Spread(const std::vector<NodeValue>& values, size_t count) {
  double mean = 0, spread = 0;
  for (size_t j = 0; j < count; ++j) mean += values[j].mean / static_cast<double>(count);
  for (size_t j = 0; j < count; ++j) {
    spread += (values[j].mean - mean) * (values[j].mean - mean) / static_cast<double>(count);
  }
  return std::sqrt(spread);
}

// The mixture by its definition: all pairs of rates, each by its evidence.
TEST(NodeValues, AreTheMixtureOverTheRatesOfTheEpisode) {
  const Evidence evidence = RolledOut({{6, 8}, {5, 8}, {7, 8}, {1, 8}, {0, 8}, {0, 0}});
  Parameters parameters;
  parameters.shared_level = kSharedLevel;
  const std::vector<double> no_scores(evidence.authors.size(), 0.0);
  double total = 0;
  std::vector<double> mean(evidence.nodes.size()), square(evidence.nodes.size());
  for (const RateLevel& level : Levels(evidence, parameters)) {
    const Marginals marginals =
        ForwardBackward(BuildChain(evidence, NormalisedPrior(evidence), no_scores, parameters,
                                   ErrorDefinition::kStaysUnlikely, level));
    const double weight = std::exp(marginals.log_evidence + level.log_weight);
    const RateGrids rates(evidence, parameters, level);
    total += weight;
    for (size_t j = 0; j < mean.size(); ++j) {
      const RateMoments high = rates.high.PosteriorMoments(evidence.nodes[j]);
      const RateMoments low = rates.low.PosteriorMoments(evidence.nodes[j]);
      const double p = marginals.high[j];
      mean[j] += weight * (p * high.mean + (1 - p) * low.mean);
      square[j] += weight * (p * high.mean_square + (1 - p) * low.mean_square);
    }
  }
  const std::vector<NodeValue> values = NodeValuesOfRollouts(evidence);
  ASSERT_EQ(values.size(), mean.size());
  for (size_t j = 0; j < mean.size(); ++j) {
    EXPECT_NEAR(values[j].mean, mean[j] / total, 1e-12);
    EXPECT_NEAR(values[j].variance, square[j] / total - std::pow(mean[j] / total, 2), 1e-12);
  }
}

// What differs by chance alone is no change of the value.
TEST(NodeValues, OfOneEpisodeAreAlike) {
  const std::vector<NodeValue> values =
      NodeValuesOfRollouts(RolledOut({{6, 8}, {7, 8}, {5, 8}, {6, 8}, {8, 8}, {4, 8}, {6, 8}}));
  const double raw = std::sqrt(10.0 / 7) / 8;
  EXPECT_LT(Spread(values, values.size()), 0.7 * raw);
  const std::vector<NodeValue> broken =
      NodeValuesOfRollouts(RolledOut({{6, 8}, {7, 8}, {6, 8}, {0, 8}, {1, 8}, {0, 8}, {0, 8}}));
  EXPECT_GT(broken[2].mean - broken[3].mean, 0.5) << "a real change stays one";
}

// A long episode does without, within its second.
TEST(NodeValues, OfALongEpisodeDrawEachTheirOwn) {
  std::vector<Rollouts> nodes(kMaxSharedMessages + 2, Rollouts{4, 8});
  const std::vector<NodeValue> values = NodeValuesOfRollouts(RolledOut(nodes));
  EXPECT_EQ(values.size(), nodes.size());
  for (const NodeValue& value : values) EXPECT_GT(value.variance, 0);
}

}  // namespace
}  // namespace assay::blame
