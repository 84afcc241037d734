#include "server/blame/stated_prior.h"

#include <cmath>
#include <utility>

namespace assay::blame {
namespace {

constexpr int kMaxSteps = 40;
constexpr double kCloseEnough = 1e-7;

void Normalise(std::vector<double>& shares) {
  double sum = 0;
  for (const double share : shares) sum += share;
  if (!(sum > 0)) return;
  for (double& share : shares) share /= sum;
}

// First of a failure of which nothing is known but pi; its sum is 1.
std::vector<double> FirstUnder(const Evidence& bare, const Parameters& parameters,
                               ErrorDefinition definition) {
  PosteriorOptions options;
  options.definition = definition;
  Parameters own = parameters;
  own.shared_level = 0;
  std::vector<double> first = ComputePosterior(bare, own, options).first;
  Normalise(first);
  return first;
}

Evidence Bare(const Evidence& evidence, std::vector<double> prior) {
  Evidence bare;
  bare.authors = evidence.authors;
  bare.agents = evidence.agents;
  bare.prior = std::move(prior);
  return bare;
}

}  // namespace

std::vector<double> StatedPrior(const Evidence& evidence, const std::vector<double>& stated,
                                const Parameters& parameters, ErrorDefinition definition) {
  const size_t messages = evidence.authors.size();
  std::vector<double> target(messages, 0.0);
  for (size_t t = 0; t < messages; ++t) {
    if (evidence.authors[t] >= 0) target[t] = stated[t];
  }
  Normalise(target);
  if (messages > static_cast<size_t>(kMaxStated)) return target;
  Evidence bare = Bare(evidence, target);
  for (int step = 0; step < kMaxSteps; ++step) {
    const std::vector<double> first = FirstUnder(bare, parameters, definition);
    double worst = 0;
    for (size_t t = 0; t < messages; ++t) {
      worst = std::fmax(worst, std::abs(first[t] - target[t]));
      if (first[t] > 0) bare.prior[t] *= target[t] / first[t];
    }
    Normalise(bare.prior);
    if (worst < kCloseEnough) break;
  }
  return bare.prior;
}

std::vector<double> BlendedPrior(const Evidence& evidence, const std::vector<double>& fitted,
                                 double share, const std::vector<double>& rest,
                                 const Parameters& parameters, ErrorDefinition definition) {
  if (share >= 1) return fitted;
  std::vector<double> target = rest;
  if (share > 0) {
    const std::vector<double> first = FirstUnder(Bare(evidence, fitted), parameters, definition);
    for (size_t t = 0; t < target.size(); ++t) target[t] += share * first[t];
  }
  return StatedPrior(evidence, target, parameters, definition);
}

}  // namespace assay::blame
