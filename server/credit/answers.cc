#include "server/credit/answers.h"

namespace assay::credit {

double MeanVariance(const ValueAnswer& answer) {
  return answer.samples > 0 ? answer.variance / answer.samples : 0;
}

void Merge(const ValueAnswer& answer, ValueAnswer& pooled) {
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

bool AnswerBook::Add(const PlayerSet& players, const ValueAnswer& answer) {
  const auto [position, is_new] = index_.try_emplace(players, static_cast<int>(entries_.size()));
  if (is_new) {
    entries_.push_back({players, answer});
  } else {
    Merge(answer, entries_[position->second].answer);
  }
  return is_new;
}

const ValueAnswer* AnswerBook::Find(const PlayerSet& players) const {
  const auto position = index_.find(players);
  return position == index_.end() ? nullptr : &entries_[position->second].answer;
}

}  // namespace assay::credit
