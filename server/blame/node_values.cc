#include "server/blame/node_values.h"

#include <algorithm>
#include <cstddef>

#include "server/blame/chain.h"
#include "server/blame/evidence_chain.h"
#include "server/blame/rates.h"

namespace assay::blame {
namespace {

Evidence RolloutsAlone(const Evidence& evidence) {
  Evidence alone;
  alone.authors = evidence.authors;
  alone.agents = evidence.agents;
  alone.outcome = Outcome::kOpen;
  alone.low = evidence.low;
  alone.high = evidence.high;
  alone.score = evidence.score;
  alone.nodes = evidence.nodes;
  alone.start_value = evidence.start_value;
  return alone;
}

}  // namespace

std::vector<NodeValue> NodeValuesOfRollouts(const Evidence& evidence,
                                            const Parameters& parameters) {
  const Evidence alone = RolloutsAlone(evidence);
  Parameters own_rates = parameters;
  own_rates.shared_level = 0;
  const std::vector<double> no_scores(alone.authors.size(), 0.0);
  const Marginals marginals = ForwardBackward(BuildChain(
      alone, NormalisedPrior(alone), no_scores, own_rates, ErrorDefinition::kStaysUnlikely));
  const RateGrids rates(alone, own_rates);
  const double range = alone.high - alone.low;
  std::vector<NodeValue> values(marginals.high.size());
  for (size_t j = 0; j < values.size(); ++j) {
    const Rollouts rollouts = alone.nodes.empty() ? Rollouts() : alone.nodes[j];
    const RateMoments high = rates.high.PosteriorMoments(rollouts);
    const RateMoments low = rates.low.PosteriorMoments(rollouts);
    const double p = marginals.high[j];
    const double mean = p * high.mean + (1 - p) * low.mean;
    const double square = p * high.mean_square + (1 - p) * low.mean_square;
    values[j].mean = alone.low + range * mean;
    values[j].variance = range * range * std::max(0.0, square - mean * mean);
  }
  return values;
}

}  // namespace assay::blame
