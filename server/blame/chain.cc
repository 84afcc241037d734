#include "server/blame/chain.h"

#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

namespace assay::blame {
namespace {

constexpr double kImpossible = -std::numeric_limits<double>::infinity();

// Each step is scaled to probability one, so that a long chain loses no digits: the logarithms stay
// small, and log_step[j] is what node j took off.
struct Pass {
  explicit Pass(int messages) : high(messages + 1), low(messages + 1) {}
  std::vector<double> high, low;  // T + 1
};

Pass Forward(const Chain& chain, std::vector<double>& log_step) {
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

Pass Backward(const Chain& chain, const std::vector<double>& log_step) {
  Pass pass(chain.messages());
  for (int t = chain.messages() - 1; t >= 0; --t) {
    const double high = chain.node_high[t + 1] + pass.high[t + 1] - log_step[t + 1];
    const double low = chain.node_low[t + 1] + pass.low[t + 1] - log_step[t + 1];
    pass.high[t] = LogAdd(chain.high_high[t] + high, chain.high_low[t] + low);
    pass.low[t] = LogAdd(chain.low_low[t] + low, chain.low_high[t] + high);
  }
  return pass;
}

// Rounding may carry the exponential of a log-probability just past 1.
double Probability(double log_probability) { return std::fmin(1.0, std::exp(log_probability)); }

}  // namespace

Chain::Chain(int messages)
    : high_high(messages),
      high_low(messages),
      low_high(messages),
      low_low(messages),
      node_high(messages + 1),
      node_low(messages + 1) {}

double LogAdd(double a, double b) {
  if (a < b) std::swap(a, b);
  return b == kImpossible ? a : a + std::log1p(std::exp(b - a));
}

Marginals ForwardBackward(const Chain& chain) {
  const int messages = chain.messages();
  Marginals out;
  for (auto* v : {&out.first, &out.decisive, &out.repair, &out.error}) v->assign(messages, 0.0);
  out.high.assign(messages + 1, 0.0);

  std::vector<double> log_step;
  const Pass forward = Forward(chain, log_step);
  out.log_evidence = std::accumulate(log_step.begin(), log_step.end(), chain.log_shared);
  if (out.log_evidence == kImpossible) return out;
  const Pass backward = Backward(chain, log_step);

  double stayed_high = chain.start_high + chain.node_high[0] - log_step[0];
  for (int t = 0; t < messages; ++t) {
    const double low_after = chain.node_low[t + 1] + backward.low[t + 1] - log_step[t + 1];
    const double high_after = chain.node_high[t + 1] + backward.high[t + 1] - log_step[t + 1];
    out.first[t] = Probability(stayed_high + chain.high_low[t] + low_after);
    out.error[t] = Probability(forward.high[t] + chain.high_low[t] + low_after);
    out.repair[t] = Probability(forward.low[t] + chain.low_high[t] + high_after);
    stayed_high += chain.high_high[t] + chain.node_high[t + 1] - log_step[t + 1];
  }
  out.stayed_high = Probability(stayed_high);
  double stays_low = 0;  // from node t + 1 to the end
  for (int t = messages - 1; t >= 0; --t) {
    const double low_after = chain.node_low[t + 1] - log_step[t + 1] + stays_low;
    out.decisive[t] = Probability(forward.high[t] + chain.high_low[t] + low_after);
    stays_low = chain.low_low[t] + low_after;
  }
  for (int j = 0; j <= messages; ++j) out.high[j] = Probability(forward.high[j] + backward.high[j]);
  out.started_low = Probability(forward.low[0] + backward.low[0]);
  return out;
}

}  // namespace assay::blame
