#include "server/blame/text/general_prior.h"

namespace assay::blame {
namespace {

// As `blame_transfer_benchmark --weights` prints them.
struct Weight {
  const char* feature;
  double weight;
};
constexpr Weight kWeights[] = {
    {"acts", 0.734021},        {"reads_result", -0.317992},  {"error_follows", -0.055355},
    {"tried_again", 0.829462}, {"retry", -1.052347},         {"amended", -0.098479},
    {"answer", -0.270822},     {"last_word", -0.372527},     {"hands_over", 0.416392},
    {"empty", -0.708076},      {"stands_behind", -0.407889}, {"answers_round", -0.951481},
    {"prints", -0.686666},
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
