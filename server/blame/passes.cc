#include "server/blame/passes.h"

#include <cmath>
#include <cstddef>
#include <limits>

namespace assay::blame {
namespace {

constexpr double kImpossible = -std::numeric_limits<double>::infinity();

}  // namespace

Pass Forward(const Chain& chain, NodeNumbers& log_step) {
  const int messages = chain.messages();
  Pass pass(messages);
  log_step.assign(messages + 1, kImpossible);
  double high = chain.start_high + chain.node_high[0];
  double low = chain.start_low + chain.node_low[0];
  for (int j = 0;; ++j) {
    log_step[j] = LogAdd(high, low);
    if (log_step[j] == kImpossible) return pass;
    pass.high[j] = high - log_step[j];
    pass.low[j] = low - log_step[j];
    if (j == messages) return pass;
    high = LogAdd(pass.high[j] + chain.high_high[j], pass.low[j] + chain.low_high[j]) +
           chain.node_high[j + 1];
    low = LogAdd(pass.low[j] + chain.low_low[j], pass.high[j] + chain.high_low[j]) +
          chain.node_low[j + 1];
  }
}

Pass Backward(const Chain& chain, const NodeNumbers& log_step) {
  Pass pass(chain.messages());
  for (int t = chain.messages() - 1; t >= 0; --t) {
    const double high = chain.node_high[t + 1] + pass.high[t + 1] - log_step[t + 1];
    const double low = chain.node_low[t + 1] + pass.low[t + 1] - log_step[t + 1];
    pass.high[t] = LogAdd(chain.high_high[t] + high, chain.high_low[t] + low);
    pass.low[t] = LogAdd(chain.low_low[t] + low, chain.low_high[t] + high);
  }
  return pass;
}

double Probability(double log_probability) { return std::fmin(1.0, std::exp(log_probability)); }

std::vector<double> HighStates(const Pass& forward, const Pass& backward) {
  std::vector<double> high(forward.high.size());
  for (size_t j = 0; j < high.size(); ++j) {
    high[j] = Probability(forward.high[j] + backward.high[j]);
  }
  return high;
}

}  // namespace assay::blame
