#include "server/evaluation/answer_check.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "server/base/retry_after.h"
#include "server/base/status_macros.h"

namespace assay::evaluation {
namespace {

constexpr double kRounding = 1e-9;

absl::Status Fault(size_t index, absl::string_view field, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("answers[", index, "].", field, ": ", what));
}

absl::Status CheckMean(const signals::ValueRange& range, size_t index, double* mean) {
  if (!std::isfinite(*mean)) return Fault(index, "mean", "not a finite number");
  const double slack = kRounding * range.size();
  if (*mean < range.low - slack || *mean > range.high + slack) {
    return Fault(
        index, "mean",
        absl::StrCat(*mean, " lies outside the value range [", range.low, ", ", range.high, "]"));
  }
  *mean = std::clamp(*mean, range.low, range.high);
  return absl::OkStatus();
}

absl::Status CheckScores(size_t messages, size_t index, const std::vector<double>& scores) {
  if (scores.size() != messages) {
    return Fault(index, "message_scores",
                 absl::StrCat(scores.size(), " scores for ", messages, " messages"));
  }
  for (size_t t = 0; t < scores.size(); ++t) {
    if (!(scores[t] >= -1 && scores[t] <= 1)) {
      return Fault(index, absl::StrCat("message_scores[", t, "]"), "not in [-1, 1]");
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckAnswers(const Batch& batch, Answers* answers) {
  if (answers->size() != batch.questions.size()) {
    return absl::InvalidArgumentError(absl::StrCat("answers: ", answers->size(), " answers to ",
                                                   batch.questions.size(), " questions"));
  }
  for (size_t i = 0; i < answers->size(); ++i) {
    signals::Answer& answer = (*answers)[i];
    if (!answer.error.ok()) continue;
    if (answer.samples < 0) return Fault(i, "samples", "negative");
    if (answer.samples == 0) answer.samples = batch.questions[i].samples;
    if (!(std::isfinite(answer.variance) && answer.variance >= 0)) {
      return Fault(i, "variance", "not a finite number >= 0");
    }
    ASSAY_RETURN_IF_ERROR(
        batch.questions[i].kind == signals::QuestionKind::kMessageScores
            ? CheckScores(batch.context->episode.messages.size(), i, answer.scores)
            : CheckMean(batch.context->range, i, &answer.mean));
  }
  return absl::OkStatus();
}

absl::Status FailureOf(const Batch& batch, const Answers& answers) {
  for (size_t i = 0; i < std::min(answers.size(), batch.questions.size()); ++i) {
    const absl::Status& error = answers[i].error;
    if (error.ok()) continue;
    if (!IsRollout(batch.questions[i].kind) || !MayPass(error.code())) return error;
  }
  return absl::OkStatus();
}

}  // namespace assay::evaluation
