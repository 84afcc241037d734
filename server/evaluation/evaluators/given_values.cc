#include "server/evaluation/evaluators/given_values.h"

#include <utility>

namespace assay::evaluation {
namespace {

using signals::QuestionKind;

class GivenEpisode final : public EpisodeReplay {
 public:
  explicit GivenEpisode(std::shared_ptr<const EpisodeContext> context)
      : context_(std::move(context)) {}

  absl::Status Answer(absl::Span<const signals::Question> questions,
                      absl::Span<signals::Answer> answers) const override {
    const absl::Span<const double> table = context_->episode.table;
    for (size_t i = 0; i < questions.size(); ++i) {
      answers[i].samples = questions[i].samples;
      if (questions[i].kind == QuestionKind::kAllCoalitions) {
        answers[i].table = table;
      } else if (questions[i].kind != QuestionKind::kCoalition) {
        return absl::UnimplementedError("given values answer coalition questions only");
      } else if (questions[i].coalition() >= table.size()) {
        return absl::OutOfRangeError("values.coalition_values: the table has no such coalition");
      } else {
        answers[i].mean = table[questions[i].coalition()];
      }
    }
    return absl::OkStatus();
  }

 private:
  const std::shared_ptr<const EpisodeContext> context_;
};

class GivenValues final : public LocalEvaluator {
 public:
  GivenValues() {
    traits_.kind = signals::EvaluatorKind::kGiven;
    traits_.supports = Bit(QuestionKind::kCoalition) | Bit(QuestionKind::kAllCoalitions);
  }

  absl::string_view name() const override { return "given"; }
  const signals::EvaluatorTraits& traits() const override { return traits_; }

  absl::StatusOr<std::shared_ptr<const EpisodeReplay>> Prepare(
      std::shared_ptr<const EpisodeContext> context) const override {
    if (context->episode.table.empty()) {
      return absl::FailedPreconditionError("values.coalition_values: the episode brings no values");
    }
    return std::make_shared<const GivenEpisode>(std::move(context));
  }

 private:
  signals::EvaluatorTraits traits_;
};

}  // namespace

std::shared_ptr<LocalEvaluator> MakeGivenValues() { return std::make_shared<GivenValues>(); }

}  // namespace assay::evaluation
