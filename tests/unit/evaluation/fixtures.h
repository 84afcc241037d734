// Small episodes, and an evaluator that answers when the test says so.
#ifndef ASSAY_TESTS_UNIT_EVALUATION_FIXTURES_H_
#define ASSAY_TESTS_UNIT_EVALUATION_FIXTURES_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/evaluation/evaluator.h"

namespace assay::evaluation {

// An episode of `agents` agents and as many messages, one each.
inline std::shared_ptr<EpisodeContext> SmallContext(int agents) {
  static const std::vector<std::string> kNames = {"none", "one", "two",   "three", "four",
                                                  "five", "six", "seven", "eight"};
  static const std::vector<std::string> kIds = {"a", "b", "c", "d", "e", "f", "g", "h"};
  auto context = std::make_shared<EpisodeContext>();
  context->episode.id = kNames[agents];
  context->episode.reference_answer = "A";
  for (int i = 0; i < agents; ++i) {
    context->episode.agents.push_back({kIds[i], {}, kIds[i]});
    signals::Message message;
    message.agent = i;
    message.round = 1;
    context->episode.messages.push_back(message);
  }
  return context;
}

inline signals::Question CoalitionQuestion(Coalition coalition) {
  signals::Question question;
  question.players = PlayerSet::FromMask(coalition);
  return question;
}

// All 2^n coalitions, one question each.
inline Batch CoalitionBatch(std::shared_ptr<const EpisodeContext> context) {
  Batch batch;
  batch.context = std::move(context);
  for (Coalition s = 0; s < Coalition{1} << batch.context->episode.agents.size(); ++s) {
    batch.questions.push_back(CoalitionQuestion(s));
  }
  return batch;
}

// Where a BatchDone puts what it is told, and how often.
struct Outcome {
  int calls = 0;
  std::optional<absl::StatusOr<Answers>> result;
  BatchDone Done() {
    return [this](absl::StatusOr<Answers> answers) {
      ++calls;
      result = std::move(answers);
    };
  }
};

inline Answers Means(const std::vector<double>& means) {
  Answers answers(means.size());
  for (size_t i = 0; i < means.size(); ++i) answers[i].mean = means[i];
  return answers;
}

// v(S) = 1 / (1 + mask): each question has its own answer.
inline Answers OwnAnswers(const Batch& batch) {
  Answers answers(batch.questions.size());
  for (size_t i = 0; i < answers.size(); ++i) {
    answers[i].mean = 1.0 / (1.0 + static_cast<double>(batch.questions[i].coalition()));
  }
  return answers;
}

// Keeps every call until the test answers it.
class ManualEvaluator final : public Evaluator {
 public:
  struct Call {
    Batch batch;
    BatchDone done;
    bool cancelled = false;
    bool ended = false;
  };

  ManualEvaluator() {
    own_traits.kind = signals::EvaluatorKind::kNamed;
    own_traits.supports = signals::Bit(signals::QuestionKind::kCoalition);
    own_traits.free = false;
  }

  absl::string_view name() const override { return "manual"; }
  const signals::EvaluatorTraits& traits() const override { return own_traits; }
  CancelFn Evaluate(Batch batch, BatchDone done) override {
    auto call = std::make_shared<Call>();
    call->batch = std::move(batch);
    call->done = std::move(done);
    calls.push_back(call);
    return [call] {
      if (call->ended) return;
      call->cancelled = true;
      End(*call, absl::CancelledError("cancelled"));
    };
  }

  static void End(Call& call, absl::StatusOr<Answers> answers) {
    if (call.ended) return;
    call.ended = true;
    BatchDone done = std::move(call.done);
    done(std::move(answers));
  }
  void Answer(size_t call) { End(*calls[call], OwnAnswers(calls[call]->batch)); }
  void Fail(size_t call, absl::Status status) { End(*calls[call], std::move(status)); }
  int open() const {
    int count = 0;
    for (const auto& call : calls) count += call->ended ? 0 : 1;
    return count;
  }

  // Lets go of what the test leaves open: calls and those who wait for them hold each other.
  void Drop() {
    for (const auto& call : calls) {
      call->ended = true;
      call->done = BatchDone();
    }
  }

  std::vector<std::shared_ptr<Call>> calls;
  signals::EvaluatorTraits own_traits;
};

}  // namespace assay::evaluation

#endif  // ASSAY_TESTS_UNIT_EVALUATION_FIXTURES_H_
