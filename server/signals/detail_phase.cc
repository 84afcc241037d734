#include "server/signals/detail_phase.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/strings/str_cat.h"
#include "server/credit/coalition.h"
#include "server/credit/owen.h"
#include "server/signals/credit_phase.h"
#include "server/signals/search_phase.h"
#include "server/signals/unions.h"

namespace assay::signals {
namespace {

// Nodes whose values are asked for where prefix questions cost nothing.
constexpr int kMaxFreePrefixes = 1024;
// Sampled Owen values from fewer questions a message than these say less than the scores would.
constexpr int64_t kLeastQuestionsPerMessage = 4;
constexpr int64_t kFreeQuestionsPerMessage = 64;

class NothingToAsk : public DetailPhase {
 public:
  bool done() const override { return true; }
  void Ask(std::vector<Question>&) const override {}
  absl::Status Tell(absl::Span<const Answer>, Findings&) override { return absl::OkStatus(); }
};

// Values of the agents' messages as values of all `count` messages: 0 for context.
std::vector<double> OfAllMessages(const std::vector<int>& agents_messages, size_t count,
                                  const std::vector<double>& values) {
  std::vector<double> all(count);
  for (size_t k = 0; k < agents_messages.size(); ++k) all[agents_messages[k]] = values[k];
  return all;
}

class OwenPhase : public DetailPhase {
 public:
  OwenPhase(const Episode& episode, std::unique_ptr<credit::CreditPlan> plan)
      : messages_(AgentsMessages(episode)),
        count_(episode.messages.size()),
        plan_(std::move(plan)) {}

  bool done() const override { return plan_->done(); }

  void Ask(std::vector<Question>& batch) const override {
    batch.reserve(plan_->ask().size());
    for (const credit::CoalitionQuestion& asked : plan_->ask()) {
      Question& question = batch.emplace_back();
      question.kind = QuestionKind::kMessages;
      question.samples = asked.samples;
      question.subset = asked.players;
    }
  }

  absl::Status Tell(absl::Span<const Answer> answers, Findings& findings) override {
    std::vector<credit::ValueAnswer> values;
    values.reserve(answers.size());
    for (const Answer& a : answers) values.push_back({a.mean, a.samples, a.variance});
    if (absl::Status s = plan_->tell(values); !s.ok() || !plan_->done()) return s;
    absl::StatusOr<credit::CreditEstimate> estimate = plan_->Finish();
    if (!estimate.ok()) return estimate.status();
    findings.owen = OfAllMessages(messages_, count_, estimate->values);
    return absl::OkStatus();
  }

 private:
  const std::vector<int> messages_;
  const size_t count_;
  const std::unique_ptr<credit::CreditPlan> plan_;
};

// Exact Owen values from an evaluator that gives the whole table at once.
class OwenTablePhase : public DetailPhase {
 public:
  OwenTablePhase(const Episode& episode, const ValueRange& range, std::vector<int> union_of)
      : messages_(AgentsMessages(episode)),
        count_(episode.messages.size()),
        range_(range),
        union_of_(std::move(union_of)) {}

  bool done() const override { return told_; }

  void Ask(std::vector<Question>& batch) const override {
    Question question;
    question.kind = QuestionKind::kOwenSets;
    batch.push_back(question);
  }

  absl::Status Tell(absl::Span<const Answer> answers, Findings& findings) override {
    const absl::Span<const double> table = answers.front().table;
    for (size_t k = 0; k < table.size(); ++k) {
      if (!InRange(table[k], range_)) {
        return absl::InvalidArgumentError(
            absl::StrCat("answer: value ", k, " of the table is not in the value range"));
      }
    }
    const absl::StatusOr<std::vector<double>> owen =
        credit::ExactOwen(table, union_of_, range_.low, range_.high);
    if (!owen.ok()) return owen.status();
    findings.owen = OfAllMessages(messages_, count_, *owen);
    told_ = true;
    return absl::OkStatus();
  }

 private:
  const std::vector<int> messages_;
  const size_t count_;
  const ValueRange range_;
  const std::vector<int> union_of_;
  bool told_ = false;
};

// Asks the value of every node of an agent's message that the episode does not give.
class PrefixPhase : public DetailPhase {
 public:
  PrefixPhase(std::vector<int> nodes, const DetailInputs& inputs)
      : nodes_(std::move(nodes)),
        count_(inputs.episode.messages.size()),
        samples_(inputs.options.estimator.samples_per_question),
        range_(inputs.options.range),
        noise_(NoiseOf(inputs.options, inputs.traits)) {}

  bool done() const override { return told_; }

  void Ask(std::vector<Question>& batch) const override {
    for (int node : nodes_) {
      Question question;
      question.kind = QuestionKind::kPrefix;
      question.index = node;
      question.samples = samples_;
      batch.push_back(question);
    }
  }

  absl::Status Tell(absl::Span<const Answer> answers, Findings& findings) override {
    findings.node_values.resize(count_ + 1);
    for (size_t k = 0; k < nodes_.size(); ++k) findings.node_values[nodes_[k]] = answers[k].mean;
    if (AreSamples(answers)) {
      findings.node_samples.resize(count_ + 1);
      for (size_t k = 0; k < nodes_.size(); ++k) {
        const double share = std::clamp((answers[k].mean - range_.low) / range_.size(), 0.0, 1.0);
        const double trials = answers[k].samples;
        findings.node_samples[nodes_[k]] = {share * trials, trials};
      }
    }
    told_ = true;
    return absl::OkStatus();
  }

 private:
  // Whether the values are means of noisy evaluations, and not exact.
  bool AreSamples(absl::Span<const Answer> answers) const {
    if (noise_ != credit::Noise::kUnsaid) return noise_ == credit::Noise::kSampled;
    return std::any_of(answers.begin(), answers.end(),
                       [](const Answer& answer) { return answer.variance > 0; });
  }

  const std::vector<int> nodes_;
  const size_t count_;
  const int samples_;
  const ValueRange range_;
  const credit::Noise noise_;
  bool told_ = false;
};

// Vote replay beyond the reach of exact Owen values: was each message's answer right?
class MessageScoresPhase : public DetailPhase {
 public:
  bool done() const override { return told_; }
  void Ask(std::vector<Question>& batch) const override {
    Question question;
    question.kind = QuestionKind::kMessageScores;
    batch.push_back(question);
  }
  absl::Status Tell(absl::Span<const Answer> answers, Findings& findings) override {
    findings.scores = answers.front().scores;
    told_ = true;
    return absl::OkStatus();
  }

 private:
  bool told_ = false;
};

// One phase after the other, each with what those before it left of the budget.
class InTurn : public DetailPhase {
 public:
  // Null: nothing to ask.
  using Make = absl::AnyInvocable<absl::StatusOr<std::unique_ptr<DetailPhase>>(const DetailInputs&,
                                                                               const Findings&)>;

  InTurn(const DetailInputs& inputs, std::vector<Make> phases)
      : inputs_(inputs), phases_(std::move(phases)) {}

  // Goes to the next phase that has something to ask; before anything else once by whoever made it.
  absl::Status Advance(const Findings& findings) {
    while (next_ < phases_.size() && (phase_ == nullptr || phase_->done())) {
      absl::StatusOr<std::unique_ptr<DetailPhase>> phase = phases_[next_++](inputs_, findings);
      if (!phase.ok()) return phase.status();
      phase_ = std::move(*phase);
    }
    return absl::OkStatus();
  }

  bool done() const override { return phase_ == nullptr || phase_->done(); }
  void Ask(std::vector<Question>& batch) const override { phase_->Ask(batch); }

  absl::Status Tell(absl::Span<const Answer> answers, Findings& findings) override {
    for (const Answer& answer : answers) {
      inputs_.questions_left -= std::max<int64_t>(1, static_cast<int64_t>(answer.table.size()));
    }
    if (absl::Status s = phase_->Tell(answers, findings); !s.ok()) return s;
    return Advance(findings);
  }

 private:
  DetailInputs inputs_;
  std::vector<Make> phases_;
  size_t next_ = 0;
  std::unique_ptr<DetailPhase> phase_;
};

// How many questions Owen values may cost here; 0: do not ask.
int64_t OwenBudget(const DetailInputs& inputs, const Unions& unions) {
  const int64_t exact = credit::OwenQuestionCount(unions.sizes);
  const int64_t messages = static_cast<int64_t>(unions.union_of.size());
  const bool explicit_budget = inputs.options.estimator.max_questions > 0;
  const int64_t limit = inputs.traits.free && !explicit_budget
                            ? credit::kMaxOwenQuestions
                            : std::min(inputs.questions_left, credit::kMaxOwenQuestions);
  if (exact <= limit) return exact;
  const bool wanted = inputs.options.message_rewards.evidence == Evidence::kOwen;
  // The correctness of a vote is better evidence than a sample of its Owen values.
  if (inputs.traits.kind == EvaluatorKind::kVote && !wanted) return 0;
  const int64_t sampled = std::min(limit, kFreeQuestionsPerMessage * messages);
  return sampled >= kLeastQuestionsPerMessage * messages || (wanted && sampled >= 2) ? sampled : 0;
}

absl::StatusOr<std::unique_ptr<DetailPhase>> MakeOwenPhase(const DetailInputs& inputs,
                                                           const Unions& unions, int64_t budget) {
  credit::OwenOptions options;
  options.union_of = unions.union_of;
  options.max_questions = budget;
  options.confidence = inputs.options.estimator.confidence;
  options.target_half_width = inputs.options.estimator.target_half_width;
  options.samples_per_question = inputs.options.estimator.samples_per_question;
  options.seed = inputs.options.seed;
  options.value_low = inputs.options.range.low;
  options.value_high = inputs.options.range.high;
  options.noise = NoiseOf(inputs.options, inputs.traits);
  absl::StatusOr<std::unique_ptr<credit::CreditPlan>> plan = credit::MakeOwenPlan(options);
  if (!plan.ok()) return plan.status();
  return std::make_unique<OwenPhase>(inputs.episode, std::move(*plan));
}

bool Wants(const DetailInputs& inputs, Evidence kind) {
  const Evidence asked = inputs.options.message_rewards.evidence;
  return asked == Evidence::kAuto || asked == kind;
}

// The nodes around agents' messages that have no value yet, or nothing where they cost too much.
std::vector<int> MissingNodes(const DetailInputs& inputs, const Findings& findings) {
  const std::vector<std::optional<double>> values =
      NodeValues(inputs.episode, inputs.options, findings, inputs.score);
  std::vector<int> nodes;
  for (int t : AgentsMessages(inputs.episode)) {
    for (int node : {t, t + 1}) {
      const bool asked = !nodes.empty() && nodes.back() == node;
      if (!asked && !values[node].has_value()) nodes.push_back(node);
    }
  }
  const int64_t limit = inputs.traits.free ? int64_t{kMaxFreePrefixes} : inputs.questions_left;
  if (static_cast<int64_t>(nodes.size()) > limit) nodes.clear();
  return nodes;
}

// With one message an agent every kind of evidence yields the agent's credit.
bool NothingToShare(const DetailInputs& inputs, const Unions& unions,
                    const std::vector<double>& credit) {
  const bool one_each =
      std::all_of(unions.sizes.begin(), unions.sizes.end(), [](int size) { return size == 1; });
  const bool indifferent = one_each && inputs.options.message_rewards.evidence == Evidence::kAuto;
  return unions.sizes.empty() || credit.empty() || indifferent;
}

// Null where Owen values are not wanted, cannot be asked for or cost too much. There is something
// to share.
absl::StatusOr<std::unique_ptr<DetailPhase>> MaybeMakeOwenPhase(const DetailInputs& inputs,
                                                                const Unions& unions) {
  const EvaluatorTraits& traits = inputs.traits;
  if (!Wants(inputs, Evidence::kOwen) || !traits.Supports(QuestionKind::kMessages) ||
      unions.union_of.size() > static_cast<size_t>(credit::PlayerSet::kMaxPlayers)) {
    return nullptr;
  }
  const int64_t budget = OwenBudget(inputs, unions);
  if (traits.Supports(QuestionKind::kOwenSets) &&
      budget == credit::OwenQuestionCount(unions.sizes)) {
    return std::make_unique<OwenTablePhase>(inputs.episode, inputs.options.range, unions.union_of);
  }
  if (budget <= 0) return nullptr;
  return MakeOwenPhase(inputs, unions, budget);
}

bool CanGradeMessages(const DetailInputs& inputs, const Findings& findings) {
  return inputs.traits.kind == EvaluatorKind::kVote &&
         inputs.traits.Supports(QuestionKind::kMessageScores) && findings.scores.empty();
}

absl::StatusOr<std::unique_ptr<DetailPhase>> MakeSuccessPhase(const DetailInputs& inputs,
                                                              const std::vector<double>& credit,
                                                              const Findings& findings) {
  const EvaluatorTraits& traits = inputs.traits;
  const Unions unions = MakeUnions(inputs.episode);
  if (NothingToShare(inputs, unions, credit)) return std::make_unique<NothingToAsk>();
  absl::StatusOr<std::unique_ptr<DetailPhase>> owen = MaybeMakeOwenPhase(inputs, unions);
  if (!owen.ok() || *owen != nullptr) return owen;
  // A vote at a prefix is no forecast of the end: vote replay is never asked for node values.
  const bool paid_on_request = inputs.options.message_rewards.evidence == Evidence::kPrefix;
  if (Wants(inputs, Evidence::kPrefix) && traits.Supports(QuestionKind::kPrefix) &&
      traits.kind != EvaluatorKind::kVote && (traits.free || paid_on_request)) {
    std::vector<int> nodes = MissingNodes(inputs, findings);
    if (!nodes.empty()) {
      return std::make_unique<PrefixPhase>(std::move(nodes), inputs);
    }
  }
  if (Wants(inputs, Evidence::kScores) && CanGradeMessages(inputs, findings)) {
    return std::make_unique<MessageScoresPhase>();
  }
  return std::make_unique<NothingToAsk>();
}

// What a failure asks about its messages, beside the search for the error.
absl::StatusOr<std::unique_ptr<DetailPhase>> MakeCreditOfMessages(const DetailInputs& inputs,
                                                                  const std::vector<double>& credit,
                                                                  const Findings& findings) {
  const Unions unions = MakeUnions(inputs.episode);
  if (NothingToShare(inputs, unions, credit)) return nullptr;
  absl::StatusOr<std::unique_ptr<DetailPhase>> owen = MaybeMakeOwenPhase(inputs, unions);
  if (!owen.ok() || *owen != nullptr) return owen;
  // Scores of its own grades would claim errors: only on request.
  if (inputs.options.message_rewards.evidence == Evidence::kScores &&
      CanGradeMessages(inputs, findings)) {
    return std::make_unique<MessageScoresPhase>();
  }
  return nullptr;
}

absl::StatusOr<std::unique_ptr<DetailPhase>> MakeFailurePhase(const DetailInputs& inputs,
                                                              const std::vector<double>& credit,
                                                              const Findings& findings) {
  std::vector<InTurn::Make> phases;
  phases.emplace_back([credit](const DetailInputs& left, const Findings& found) {
    return MakeSearchPhase(left, credit, found);
  });
  phases.emplace_back([credit](const DetailInputs& left, const Findings& found) {
    return MakeCreditOfMessages(left, credit, found);
  });
  if (inputs.options.message_rewards.evidence == Evidence::kOwen) {
    std::reverse(phases.begin(), phases.end());
  }
  auto phase = std::make_unique<InTurn>(inputs, std::move(phases));
  if (absl::Status begun = phase->Advance(findings); !begun.ok()) return begun;
  return phase;
}

}  // namespace

absl::StatusOr<std::unique_ptr<DetailPhase>> MakeDetailPhase(const DetailInputs& inputs,
                                                             const std::vector<double>& credit,
                                                             const Findings& findings) {
  if (inputs.score >= inputs.options.success_threshold) {
    return MakeSuccessPhase(inputs, credit, findings);
  }
  return MakeFailurePhase(inputs, credit, findings);
}

}  // namespace assay::signals
