// Failed episodes that are made up.
#ifndef ASSAY_TESTS_UNIT_BLAME_FAILURES_H_
#define ASSAY_TESTS_UNIT_BLAME_FAILURES_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "server/blame/posterior.h"

namespace assay::blame {

// A failure of `messages` messages, message t by agent t mod `agents`.
inline Evidence Failure(int messages, int agents = 1) {
  Evidence evidence;
  for (int t = 0; t < messages; ++t) evidence.authors.push_back(t % agents);
  evidence.agents = agents;
  return evidence;
}

inline std::vector<Score> FromProbabilities(const std::vector<double>& correct) {
  std::vector<Score> scores;
  for (size_t t = 0; t < correct.size(); ++t) {
    scores.push_back({static_cast<int>(t), 2 * correct[t] - 1});
  }
  return scores;
}

inline Evidence ExampleE8() {
  Evidence evidence = Failure(5);
  evidence.scores = FromProbabilities({.9, .1, .5, .9, .1});
  evidence.nodes.resize(6);
  evidence.nodes[1] = {4, 4};
  evidence.nodes[2] = {0, 4};
  evidence.nodes[4] = {4, 4};
  return evidence;
}

// The agents' messages, the environment and nothing are all that the first error can be.
inline double FirstAndNone(const Posterior& p) {
  return std::accumulate(p.first.begin(), p.first.end(), p.environment + p.none);
}

}  // namespace assay::blame

#endif  // ASSAY_TESTS_UNIT_BLAME_FAILURES_H_
