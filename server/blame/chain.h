#ifndef ASSAY_SERVER_BLAME_CHAIN_H_
#define ASSAY_SERVER_BLAME_CHAIN_H_

#include <vector>

namespace assay::blame {

// A hidden Markov chain with the states High and Low over the nodes 0..T between T messages. Every
// factor is a natural logarithm, and minus infinity means impossible. Edge t joins node t and node
// t + 1.
struct Chain {
  explicit Chain(int messages);

  int messages() const { return static_cast<int>(high_high.size()); }

  std::vector<double> high_high, high_low, low_high, low_low;  // T: transition and its evidence
  std::vector<double> node_high, node_low;                     // T + 1: evidence of the node itself
  double start_high = 0;                                       // log P(High at node 0)
  double start_low = 0;
  // The factor that all paths share. It is kept apart from the factors above, where it would cost
  // digits.
  double log_shared = 0;
};

// The posterior probabilities of a chain, each in [0, 1].
struct Marginals {
  std::vector<double> first;     // T: High up to node t, then High -> Low at t
  std::vector<double> decisive;  // T: High -> Low at t, then Low to the end
  std::vector<double> repair;    // T: Low -> High at t
  std::vector<double> error;     // T: High -> Low at t
  std::vector<double> high;      // T + 1: P(High at node j)
  double stayed_high = 0;        // P(High at every node)
  double started_low = 0;        // P(Low at node 0)
  // The logarithm of the probability of all evidence. Where it is minus infinity the factors
  // contradict each other, and every probability above is zero.
  double log_evidence = 0;
};

// Forward-backward in the log domain (Rabiner 1989), O(T) time and memory.
Marginals ForwardBackward(const Chain& chain);

// log(exp(a) + exp(b)); both may be minus infinity.
double LogAdd(double a, double b);

}  // namespace assay::blame

#endif  // ASSAY_SERVER_BLAME_CHAIN_H_
