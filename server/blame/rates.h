#ifndef ASSAY_SERVER_BLAME_RATES_H_
#define ASSAY_SERVER_BLAME_RATES_H_

#include <vector>

#include "server/blame/evidence.h"

// Success rates of rollouts: mixtures over grids.
namespace assay::blame {

inline constexpr int kMaxSharedMessages = 1024;

// Whether there is time to go `times` times through all pairs of a High and a Low rate for an
// episode of so many messages: within about a second, and for at most kMaxSharedMessages messages.
bool CanShareLevels(size_t messages, const Parameters& parameters, size_t times = 1);

// One hypothesis about the rates of an episode, by their places in the grids; kNoLevel: none.
inline constexpr int kNoLevel = -1;
struct RateLevel {
  int high = kNoLevel;
  int low = kNoLevel;
  double log_weight = 0;
};

// The pairs of shared rates that the posterior of this evidence is a mixture over; where no rates
// are shared, one RateLevel with kNoLevel twice.
std::vector<RateLevel> Levels(const Evidence& evidence, const Parameters& parameters);

// Moments of the posterior of a success rate, given its rollouts.
struct RateMoments {
  double mean = 0;
  double mean_square = 0;
};

// The prior of the success rate of nodes in one state, High or Low: weights on a grid of rates.
class RateGrid {
 public:
  // Rates are multiplied by `factor`. `weights` empty: equal.
  RateGrid(const std::vector<double>& rates, const std::vector<double>& weights, double factor);

  // log of the mixture of h^s (1 - h)^(k - s); 0 where k = 0.
  double LogLikelihood(const Rollouts& rollouts) const;
  // Posterior weight of each rate given the rollouts; sums to 1.
  std::vector<double> Responsibilities(const Rollouts& rollouts) const;
  double PosteriorMean(const Rollouts& rollouts) const;
  RateMoments PosteriorMoments(const Rollouts& rollouts) const;

 private:
  double LogWeight(const Rollouts& rollouts, size_t i) const;

  std::vector<double> rates_, log_success_, log_failure_, log_weight_;
};

struct RateGrids {
  RateGrids(const Evidence& evidence, const Parameters& parameters, const RateLevel& level = {});
  RateGrid high, low;
};

// The prior means of both grids. They are cheaper to compute than the grids, which take logarithms.
struct RateMeans {
  double high, low;
};
RateMeans MeanRates(const Evidence& evidence, const Parameters& parameters, const RateLevel& level);

}  // namespace assay::blame

#endif  // ASSAY_SERVER_BLAME_RATES_H_
