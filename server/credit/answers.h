#ifndef ASSAY_SERVER_CREDIT_ANSWERS_H_
#define ASSAY_SERVER_CREDIT_ANSWERS_H_

#include <vector>

#include "absl/container/flat_hash_map.h"
#include "server/credit/coalition.h"
#include "server/credit/plan.h"

namespace assay::credit {

// The variance of an answer's mean; 0 where it is exact or unknown.
double MeanVariance(const ValueAnswer& answer);

// Adds independent evaluations of the same question to those already in `pooled` (whose samples may
// be 0).
void Merge(const ValueAnswer& answer, ValueAnswer& pooled);

// The answers so far, each question once, in the order in which they were first asked.
class AnswerBook {
 public:
  struct Entry {
    PlayerSet players;
    ValueAnswer answer;
  };

  // Returns whether the question is new.
  bool Add(const PlayerSet& players, const ValueAnswer& answer);
  bool contains(const PlayerSet& players) const { return index_.contains(players); }
  // Null where there is no answer.
  const ValueAnswer* Find(const PlayerSet& players) const;
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  std::vector<Entry> entries_;
  absl::flat_hash_map<PlayerSet, int> index_;
};

}  // namespace assay::credit

#endif  // ASSAY_SERVER_CREDIT_ANSWERS_H_
