#include "server/blame/pairs/pairs.h"

#include <algorithm>

namespace assay::blame {
namespace {

PairSide MessageSide(int t) { return {.begin = t, .end = t + 1}; }

PairSide AlternativeSide(int t, int alternative) {
  return {.begin = t, .end = t + 1, .alternative = alternative};
}

// Index of the alternative with the best (or worst) known value that differs from the message.
template <typename Better>
std::optional<int> Extreme(const std::vector<Alternative>& alternatives, absl::string_view content,
                           Better better) {
  std::optional<int> best;
  for (size_t i = 0; i < alternatives.size(); ++i) {
    if (!alternatives[i].value || alternatives[i].content == content) continue;
    if (!best || better(*alternatives[i].value, *alternatives[*best].value)) {
      best = static_cast<int>(i);
    }
  }
  return best;
}

// How probable it is that the message is what its label says; 0 for labels without a direction.
double LabelProbability(const Posterior& posterior, Label label, int t) {
  switch (label) {
    case Label::kFirstError:
      return posterior.first[t];
    case Label::kError:
      return posterior.error[t];
    case Label::kRepair:
      return posterior.repair[t];
    case Label::kSound:
      return posterior.high[t + 1];
    case Label::kFailureAligned:
      return 1 - posterior.high[t];
    default:
      return 0;
  }
}

bool IsError(Label label) { return label == Label::kFirstError || label == Label::kError; }

std::optional<Pair> OneSided(Label label, int t, double reward, double weight) {
  Pair pair{.kind = PairKind::kOneSided, .context_length = t, .weight = weight};
  if (label == Label::kRepair || (label == Label::kSound && reward > 0)) {
    pair.chosen = MessageSide(t);
  } else if (IsError(label) || label == Label::kFailureAligned) {
    pair.rejected = MessageSide(t);
  } else {
    return std::nullopt;
  }
  return pair;
}

std::optional<Pair> Step(const Posterior& posterior, int t, double weight,
                         absl::string_view content, const std::vector<Alternative>& alternatives,
                         const PairOptions& options) {
  const auto best = Extreme(alternatives, content, [](double a, double b) { return a > b; });
  if (!best || *alternatives[*best].value <= posterior.value[t + 1] + options.margin) {
    return std::nullopt;
  }
  return Pair{.kind = PairKind::kStep,
              .context_length = t,
              .chosen = AlternativeSide(t, *best),
              .rejected = MessageSide(t),
              .weight = weight};
}

std::optional<Pair> Repair(const Posterior& posterior, int t, double weight,
                           absl::string_view content, const std::vector<Alternative>& alternatives,
                           const PairOptions& options) {
  const auto worst = Extreme(alternatives, content, [](double a, double b) { return a < b; });
  if (!worst) return std::nullopt;
  const double value = *alternatives[*worst].value;
  if (value >= options.success_threshold || value + options.margin >= posterior.value[t + 1]) {
    return std::nullopt;
  }
  return Pair{.kind = PairKind::kRepair,
              .context_length = t,
              .chosen = MessageSide(t),
              .rejected = AlternativeSide(t, *worst),
              .weight = weight};
}

}  // namespace

bool PairOptions::Wants(PairKind kind) const {
  return kinds.empty() || std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
}

std::vector<Pair> EpisodePairs(const Evidence& evidence, const Posterior& posterior,
                               const std::vector<Label>& labels, const std::vector<double>& rewards,
                               absl::Span<const absl::string_view> contents,
                               absl::Span<const std::vector<Alternative>> alternatives,
                               const PairOptions& options) {
  std::vector<Pair> pairs;
  const auto add = [&](PairKind kind, const std::optional<Pair>& pair) {
    if (pair && options.Wants(kind)) pairs.push_back(*pair);
  };
  for (int t = 0; t < static_cast<int>(labels.size()); ++t) {
    const double weight = LabelProbability(posterior, labels[t], t);
    if (evidence.authors[t] < 0 || weight <= 0) continue;
    if (!alternatives.empty() && IsError(labels[t])) {
      add(PairKind::kStep, Step(posterior, t, weight, contents[t], alternatives[t], options));
    }
    if (!alternatives.empty() && labels[t] == Label::kRepair) {
      add(PairKind::kRepair, Repair(posterior, t, weight, contents[t], alternatives[t], options));
    }
    add(PairKind::kOneSided, OneSided(labels[t], t, rewards[t], weight));
  }
  return pairs;
}

}  // namespace assay::blame
