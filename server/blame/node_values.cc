#include "server/blame/node_values.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

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

// Moments of the rate of every node, in [0, 1].
struct NodeMoments {
  double log_evidence = 0;
  std::vector<RateMoments> nodes;
};

NodeMoments MomentsAt(const Evidence& alone, const std::vector<double>& prior,
                      const Parameters& parameters, const RateLevel& level) {
  const std::vector<double> no_scores(alone.authors.size(), 0.0);
  const Marginals marginals = ForwardBackward(
      BuildChain(alone, prior, no_scores, parameters, ErrorDefinition::kStaysUnlikely, level));
  const RateGrids rates(alone, parameters, level);
  NodeMoments found;
  found.log_evidence = marginals.log_evidence + level.log_weight;
  found.nodes.resize(marginals.high.size());
  for (size_t j = 0; j < found.nodes.size(); ++j) {
    const Rollouts rollouts = alone.nodes.empty() ? Rollouts() : alone.nodes[j];
    const RateMoments high = rates.high.PosteriorMoments(rollouts);
    const RateMoments low = rates.low.PosteriorMoments(rollouts);
    const double p = marginals.high[j];
    found.nodes[j].mean = p * high.mean + (1 - p) * low.mean;
    found.nodes[j].mean_square = p * high.mean_square + (1 - p) * low.mean_square;
  }
  return found;
}

}  // namespace

std::vector<NodeValue> NodeValuesOfRollouts(const Evidence& evidence,
                                            const Parameters& parameters) {
  const Evidence alone = RolloutsAlone(evidence);
  Parameters shared = parameters;
  shared.shared_level = kSharedLevel;
  const std::vector<double> prior = NormalisedPrior(alone);
  std::vector<NodeMoments> levels;
  double top = -std::numeric_limits<double>::infinity();
  for (const RateLevel& level : Levels(alone, shared)) {
    levels.push_back(MomentsAt(alone, prior, shared, level));
    top = std::fmax(top, levels.back().log_evidence);
  }
  double total = 0;
  std::vector<RateMoments> mixed(alone.authors.size() + 1);
  for (const NodeMoments& level : levels) {
    const double weight = std::exp(level.log_evidence - top);
    total += weight;
    for (size_t j = 0; j < mixed.size(); ++j) {
      mixed[j].mean += weight * level.nodes[j].mean;
      mixed[j].mean_square += weight * level.nodes[j].mean_square;
    }
  }
  const double range = alone.high - alone.low;
  std::vector<NodeValue> values(mixed.size());
  for (size_t j = 0; j < values.size(); ++j) {
    const double mean = mixed[j].mean / total;
    const double variance = std::max(0.0, mixed[j].mean_square / total - mean * mean);
    values[j].mean = alone.low + range * mean;
    values[j].variance = range * range * variance;
  }
  return values;
}

}  // namespace assay::blame
