#include "server/blame/text/general_prior.h"

namespace assay::blame {
namespace {

// As `blame_transfer_benchmark --weights` prints them.
struct Weight {
  const char* feature;
  double weight;
};
constexpr Weight kWeights[] = {
    {"acts", 0.729421},        {"reads_result", -0.293161}, {"error_follows", -0.174120},
    {"tried_again", 1.111977}, {"retry", -1.493262},        {"amended", -0.127759},
    {"answer", -0.375822},     {"last_word", -0.491406},    {"hands_over", 0.515872},
    {"empty", -0.648799},      {"prints", -0.662071},
};
constexpr double kShare = 0.6;
constexpr double kUniform = 0.02;
constexpr int kEpisodes = 1493;

MixedPrior Make() {
  MixedPrior prior;
  prior.general.set = FeatureSet::kTransferable;
  for (const Weight& weight : kWeights) {
    prior.general.features.push_back(weight.feature);
    prior.general.weights.push_back(weight.weight);
  }
  prior.general.uniform = kUniform;
  prior.general.episodes = kEpisodes;
  prior.general_share = kShare;
  return prior;
}

}  // namespace

const MixedPrior& ShippedPrior() {
  static const auto* const prior = new MixedPrior(Make());
  return *prior;
}

}  // namespace assay::blame
