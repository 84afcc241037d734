#include "server/blame/chain.h"

#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "server/blame/passes.h"

namespace assay::blame {
namespace {

constexpr double kImpossible = -std::numeric_limits<double>::infinity();

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

  NodeNumbers log_step;
  const Pass forward = Forward(chain, log_step);
  out.log_evidence = std::accumulate(log_step.begin(), log_step.end(), chain.log_shared);
  if (out.log_evidence == kImpossible) {
    out.high.assign(messages + 1, 0.0);
    return out;
  }
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
  out.high = HighStates(forward, backward);
  out.started_low = Probability(forward.low[0] + backward.low[0]);
  return out;
}

}  // namespace assay::blame
