#include "server/evaluation/evaluators/outcome_only.h"

namespace assay::evaluation {
namespace {

class OutcomeEpisode final : public EpisodeReplay {
 public:
  absl::Status Answer(absl::Span<const signals::Question> questions,
                      absl::Span<signals::Answer> /*answers*/) const override {
    if (questions.empty()) return absl::OkStatus();
    return absl::UnimplementedError("the outcome alone answers no question");
  }
};

class OutcomeOnly final : public LocalEvaluator {
 public:
  absl::string_view name() const override { return "outcome"; }
  const signals::EvaluatorTraits& traits() const override { return traits_; }
  absl::StatusOr<std::shared_ptr<const EpisodeReplay>> Prepare(
      std::shared_ptr<const EpisodeContext> /*context*/) const override {
    return std::make_shared<const OutcomeEpisode>();
  }

 private:
  const signals::EvaluatorTraits traits_ = {};
};

}  // namespace

std::shared_ptr<LocalEvaluator> MakeOutcomeOnly() { return std::make_shared<OutcomeOnly>(); }

}  // namespace assay::evaluation
