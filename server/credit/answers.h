#ifndef ASSAY_SERVER_CREDIT_ANSWERS_H_
#define ASSAY_SERVER_CREDIT_ANSWERS_H_

#include <vector>

#include "absl/container/flat_hash_map.h"
#include "server/credit/coalition.h"
#include "server/credit/plan.h"

namespace assay::credit {

// The variance of an answer's mean; 0 where it is exact or unknown.
double MeanVariance(const ValueAnswer& answer);

// What the samples of a game say of its noise. Samples that agree do not prove that there is none:
// where there may be some, their variance is that of a chance by Laplace's rule of succession.
class NoiseModel {
 public:
  NoiseModel(Noise noise, double low, double high)
      : noise_(noise), shown_(noise == Noise::kSampled), low_(low), high_(high) {}

  // Takes note of an answer, pooled or not: a variance shows that the game is noisy.
  void Note(const ValueAnswer& answer) { shown_ |= answer.samples > 0 && answer.variance > 0; }
  bool shown() const { return shown_; }
  // Whether asking the same again tells something.
  bool worth_repeating() const { return shown_ && noise_ != Noise::kNone; }
  // The pooled answer with the variance that it should count with.
  ValueAnswer Settle(ValueAnswer pooled) const;

 private:
  Noise noise_;
  bool shown_;
  double low_;
  double high_;
};

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
  AnswerBook Settled(const NoiseModel& noise) const;

 private:
  std::vector<Entry> entries_;
  absl::flat_hash_map<PlayerSet, int> index_;
};

}  // namespace assay::credit

#endif  // ASSAY_SERVER_CREDIT_ANSWERS_H_
