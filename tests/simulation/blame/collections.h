#ifndef ASSAY_TESTS_SIMULATION_BLAME_COLLECTIONS_H_
#define ASSAY_TESTS_SIMULATION_BLAME_COLLECTIONS_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "server/blame/text/prior_fit.h"

namespace assay::blame {

// A collection with the texts that its episodes are views of.
struct StoredCollection {
  LabelledCollection labelled;
  // A deque never moves its strings, and is itself never copied.
  std::unique_ptr<std::deque<std::string>> texts = std::make_unique<std::deque<std::string>>();
};

// The failed episodes of ../shared/data whose first error is known: whowhen_ag by its human labels,
// taubench by the first write call with a negative Shapley value, humaneval and the debates by the
// first message that was wrong. None where the data is absent.
std::vector<StoredCollection> SharedCollections();

// Episodes drawn from nothing but a rule about where the error is: teams of other sizes, words and
// lengths than any of the logs. `kind` 0: a tool's error follows it; 1: anywhere; 2: late, in one
// agent's long run with a tool.
StoredCollection DrawnCollection(int kind, int episodes, uint64_t seed);

// Predictors that read no text.
enum class Trivial { kUniform, kFirst, kLastWorker, kMostFrequentAgent, kMostFrequentPosition };
const char* NameOf(Trivial predictor);

// Shares of the episodes of `collection`, in [0, 1], whose message or agent a trivial predictor
// names; the most frequent ones are those of the other folds (ten, by question). Uniform: expected.
struct TrivialAccuracy {
  double step = 0;
  double agent = 0;
};
TrivialAccuracy Accuracy(Trivial predictor, const LabelledCollection& collection);

}  // namespace assay::blame

#endif  // ASSAY_TESTS_SIMULATION_BLAME_COLLECTIONS_H_
