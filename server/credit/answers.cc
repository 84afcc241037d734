#include "server/credit/answers.h"

#include <algorithm>

namespace assay::credit {

double MeanVariance(const Answer& answer) {
  return answer.samples > 0 ? answer.variance / answer.samples : 0;
}

Answer NoiseModel::Settle(Answer pooled) const {
  if (!worth_repeating() || pooled.variance > 0 || pooled.samples == 0) return pooled;
  const double range = high_ - low_;
  const double share = std::clamp((pooled.mean - low_) / range, 0.0, 1.0);
  const double chance = (share * pooled.samples + 1) / (pooled.samples + 2);
  pooled.variance = chance * (1 - chance) * range * range;
  return pooled;
}

void Merge(const Answer& answer, Answer& pooled) {
  if (pooled.samples == 0) {
    pooled = answer;
    return;
  }
  const double a = pooled.samples;
  const double b = answer.samples;
  const double gap = answer.mean - pooled.mean;
  // Sum of squares within both groups and between them (Chan, Golub & LeVeque 1983).
  const double squares =
      (a - 1) * pooled.variance + (b - 1) * answer.variance + gap * gap * a * b / (a + b);
  pooled.mean += gap * b / (a + b);
  pooled.samples += answer.samples;
  pooled.variance = squares / (a + b - 1);
}

bool AnswerBook::Add(const PlayerSet& players, const Answer& answer) {
  const auto [position, is_new] = index_.try_emplace(players, static_cast<int>(entries_.size()));
  if (is_new) {
    entries_.push_back({players, answer});
  } else {
    Merge(answer, entries_[position->second].answer);
  }
  return is_new;
}

AnswerBook AnswerBook::Settled(const NoiseModel& noise) const {
  AnswerBook settled = *this;
  for (Entry& entry : settled.entries_) entry.answer = noise.Settle(entry.answer);
  return settled;
}

const Answer* AnswerBook::Find(const PlayerSet& players) const {
  const auto position = index_.find(players);
  return position == index_.end() ? nullptr : &entries_[position->second].answer;
}

}  // namespace assay::credit
