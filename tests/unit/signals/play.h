// Episodes and evaluators in a few lines, for tests of the signals room.
#ifndef ASSAY_TESTS_UNIT_SIGNALS_PLAY_H_
#define ASSAY_TESTS_UNIT_SIGNALS_PLAY_H_

#include <functional>
#include <numeric>
#include <vector>

#include "absl/status/statusor.h"
#include "server/signals/attribution.h"
#include "server/signals/findings.h"

namespace assay::signals::testing {

inline Episode Team(int agents) {
  static constexpr const char* kNames[] = {"a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7"};
  Episode episode;
  episode.id = "episode";
  for (int i = 0; i < agents; ++i) episode.agents.push_back({kNames[i % 8], "", kNames[i % 8]});
  return episode;
}

inline Message& Say(Episode& episode, int agent, absl::string_view content = "words",
                    int round = 0) {
  Message message;
  message.agent = agent;
  message.content = content;
  message.round = round;
  episode.messages.push_back(message);
  return episode.messages.back();
}

inline EvaluatorTraits Traits(EvaluatorKind kind, const std::vector<QuestionKind>& kinds,
                              bool free = true) {
  EvaluatorTraits traits;
  traits.kind = kind;
  for (QuestionKind k : kinds) traits.supports |= Bit(k);
  traits.free = free;
  return traits;
}

// Answers every question by `value`; the table answers kAllCoalitions.
using ValueFn = std::function<double(const Question&)>;

inline absl::StatusOr<Signals> RunWith(const Episode& episode, const Options& options,
                                       const EvaluatorTraits& traits,
                                       const ValueFn& value = nullptr,
                                       const std::vector<double>& table = {},
                                       const std::vector<double>& scores = {}, int* asked = nullptr,
                                       const std::vector<AnswerGrade>& grades = {}) {
  Attribution plan(episode, options, traits, {}, grades);
  while (!plan.done()) {
    std::vector<Answer> answers;
    for (const Question& question : plan.ask()) {
      Answer answer;
      if (asked != nullptr) ++*asked;
      if (question.kind == QuestionKind::kAllCoalitions) {
        answer.table = table;
      } else if (question.kind == QuestionKind::kMessageScores) {
        answer.scores = scores;
      } else {
        answer.mean = value(question);
      }
      answers.push_back(answer);
    }
    if (absl::Status s = plan.tell(answers); !s.ok()) return s;
  }
  return plan.finish();
}

inline absl::StatusOr<Signals> RunTable(const Episode& episode, const Options& options,
                                        const std::vector<double>& table) {
  return RunWith(episode, options, Traits(EvaluatorKind::kGiven, {QuestionKind::kAllCoalitions}),
                 nullptr, table);
}

inline absl::StatusOr<Signals> RunOutcome(const Episode& episode, const Options& options) {
  return RunWith(episode, options, EvaluatorTraits());
}

inline double Sum(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

inline std::vector<double> Rewards(const Signals& signals) {
  std::vector<double> rewards;
  for (const MessageSignal& m : signals.messages) rewards.push_back(m.reward);
  return rewards;
}

inline std::vector<blame::Label> Labels(const Signals& signals) {
  std::vector<blame::Label> labels;
  for (const MessageSignal& m : signals.messages) labels.push_back(m.label);
  return labels;
}

}  // namespace assay::signals::testing

#endif  // ASSAY_TESTS_UNIT_SIGNALS_PLAY_H_
