#ifndef ASSAY_TESTS_UNIT_AUDIT_ORACLE_H_
#define ASSAY_TESTS_UNIT_AUDIT_ORACLE_H_

#include <memory>

#include "server/evaluation/evaluator.h"

namespace assay::service {

// Answers every kind of question, each by its own number.
class Oracle final : public evaluation::LocalEvaluator {
 public:
  Oracle() {
    for (int kind = 0; kind <= static_cast<int>(signals::QuestionKind::kMessageScores); ++kind) {
      traits_.supports |= signals::Bit(static_cast<signals::QuestionKind>(kind));
    }
    traits_.kind = signals::EvaluatorKind::kNamed;
    traits_.deterministic = false;
  }
  absl::string_view name() const override { return "oracle"; }
  const signals::EvaluatorTraits& traits() const override { return traits_; }
  absl::StatusOr<std::shared_ptr<const evaluation::EpisodeReplay>> Prepare(
      std::shared_ptr<const evaluation::EpisodeContext> context) const override {
    return std::make_shared<const Replay>(context->episode.messages.size());
  }

 private:
  class Replay final : public evaluation::EpisodeReplay {
   public:
    explicit Replay(size_t messages) : messages_(messages) {}
    absl::Status Answer(absl::Span<const signals::Question> questions,
                        absl::Span<signals::Answer> answers) const override {
      for (size_t i = 0; i < questions.size(); ++i) {
        const signals::Question& q = questions[i];
        const uint64_t weight = q.kind == signals::QuestionKind::kCoalition ? 7 : 5;
        answers[i].mean = static_cast<double>((q.players.mask() * weight + q.index * 3) % 11) / 11;
        answers[i].samples = q.samples;
        answers[i].variance = q.samples > 1 ? 0.01 : 0;
        if (q.kind != signals::QuestionKind::kMessageScores) continue;
        for (size_t t = 0; t < messages_; ++t) answers[i].scores.push_back(t == 2 ? -0.8 : 0.5);
      }
      return absl::OkStatus();
    }

   private:
    const size_t messages_;
  };
  signals::EvaluatorTraits traits_;
};

}  // namespace assay::service

#endif  // ASSAY_TESTS_UNIT_AUDIT_ORACLE_H_
