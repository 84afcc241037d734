#ifndef ASSAY_SERVER_CREDIT_ANSWERS_H_
#define ASSAY_SERVER_CREDIT_ANSWERS_H_

#include <vector>

#include "absl/container/flat_hash_map.h"
#include "server/credit/credit_plan.h"
#include "server/plan/coalition.h"

namespace assay::credit {

// The variance of the mean of an answer; 0 where the answer is exact or its variance is unknown.
double MeanVariance(const Answer& answer);

// Whether the answers of a game are noisy, and how much. Samples that agree do not prove that there
// is no noise: where there may be some, they get the variance of a chance that is estimated by
// Laplace's rule of succession.
class NoiseModel {
 public:
  NoiseModel(Noise noise, double low, double high)
      : noise_(noise), shown_(noise == Noise::kSampled), low_(low), high_(high) {}

  // Takes note of an answer: one with a variance shows that the game is noisy.
  void Note(const Answer& answer) { shown_ |= answer.samples > 0 && answer.variance > 0; }
  // Whether the game is known to be noisy.
  bool shown() const { return shown_; }
  // Whether asking the same question again tells something new.
  bool worth_repeating() const { return shown_ && noise_ != Noise::kNone; }
  // The pooled answer with the variance that it should count with.
  Answer Settle(Answer pooled) const;

 private:
  Noise noise_;
  bool shown_;
  double low_;
  double high_;
};

// Adds independent evaluations of the same question to those already in `pooled` (whose samples may
// be 0).
void Merge(const Answer& answer, Answer& pooled);

// The answers so far, each question once, in the order in which they were first asked.
class AnswerBook {
 public:
  struct Entry {
    PlayerSet players;
    Answer answer;
  };

  // Adds an answer to those to the same question. Returns whether the question is new.
  bool Add(const PlayerSet& players, const Answer& answer);
  bool contains(const PlayerSet& players) const { return index_.contains(players); }
  // Null where there is no answer.
  const Answer* Find(const PlayerSet& players) const;
  const std::vector<Entry>& entries() const { return entries_; }
  // The same answers, each with the variance that NoiseModel::Settle gives it.
  AnswerBook Settled(const NoiseModel& noise) const;

 private:
  std::vector<Entry> entries_;
  absl::flat_hash_map<PlayerSet, int> index_;
};

}  // namespace assay::credit

#endif  // ASSAY_SERVER_CREDIT_ANSWERS_H_
