#include "server/audit/recorded.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/wire/limits.h"
#include "server/wire/questions/digest.h"
#include "server/wire/questions/questions.h"

namespace assay::service {
namespace {

signals::EvaluatorTraits TraitsFromWire(const v1::EvaluatorTraits& wire,
                                        signals::EvaluatorKind kind) {
  signals::EvaluatorTraits traits;
  traits.kind = kind;
  for (const int supported : wire.supports()) {
    if (supported >= v1::QUESTION_KIND_COALITION && supported <= v1::QUESTION_KIND_TEAM) {
      traits.supports |= signals::Bit(static_cast<signals::QuestionKind>(supported - 1));
    }
  }
  if (wire.whole_table()) traits.supports |= signals::Bit(signals::QuestionKind::kAllCoalitions);
  traits.free = wire.free();
  traits.deterministic = wire.deterministic();
  return traits;
}

// Stands for the evaluator of a record: it has its traits and is never asked.
class RecordedEvaluator final : public evaluation::Evaluator {
 public:
  RecordedEvaluator(std::string name, const signals::EvaluatorTraits& traits)
      : name_(std::move(name)), traits_(traits) {}
  absl::string_view name() const override { return name_; }
  const signals::EvaluatorTraits& traits() const override { return traits_; }
  evaluation::CancelFn Evaluate(evaluation::Batch, evaluation::BatchDone done) override {
    done(absl::FailedPreconditionError("a record is replayed without its evaluator"));
    return [] {};
  }

 private:
  const std::string name_;
  const signals::EvaluatorTraits traits_;
};

absl::Status Damaged(size_t question, absl::string_view what) {
  return absl::DataLossError(absl::StrCat("audit.questions[", question, "] ", what));
}

}  // namespace

absl::StatusOr<ResolvedOptions> ResolveRecorded(const v1::AuditRecord& record) {
  Catalog catalog;
  const std::string& named = record.options().named().name();
  if (record.options().has_named()) {
    catalog.evaluators[named] = std::make_shared<RecordedEvaluator>(
        named, TraitsFromWire(record.evaluator(), signals::EvaluatorKind::kNamed));
  }
  if (!record.options().scorer().empty()) {
    // Only message scores are ever asked of a scorer; it may be the evaluator under another hat.
    catalog.evaluators.try_emplace(
        record.options().scorer(),
        std::make_shared<RecordedEvaluator>(
            record.options().scorer(),
            TraitsFromWire(record.scorer(), signals::EvaluatorKind::kNamed)));
  }
  const auto make_caller = [](const signals::EvaluatorTraits& traits,
                              const evaluation::CallerLimits&) {
    return evaluation::CallerStack{nullptr, std::make_shared<RecordedEvaluator>("caller", traits)};
  };
  absl::StatusOr<ResolvedOptions> resolved =
      ResolveOptions(record.options(), Limits(), catalog, MakeCallerFn(make_caller));
  if (resolved.ok()) return resolved;
  return absl::FailedPreconditionError(
      absl::StrCat("audit.options cannot be used here: ", resolved.status().message()));
}

absl::StatusOr<signals::Answer> RecordedAnswers::Next(const signals::Question& question) {
  if (exhausted()) return Damaged(next_, "is missing");
  const v1::AskedQuestion& recorded = record_.questions(static_cast<int>(next_));
  v1::Counterfactual asked;
  evaluation::QuestionToWire(question, *context_, &asked);
  if (recorded.scorer() != (question.target == signals::Target::kScorer) ||
      recorded.counterfactual().SerializeAsString() != asked.SerializeAsString()) {
    return Damaged(next_, "is not what is asked here");
  }
  signals::Answer answer;
  answer.mean = recorded.mean();
  answer.samples = recorded.samples();
  answer.variance = recorded.variance();
  answer.cached = recorded.cached();
  if (recorded.has_error()) answer.error = evaluation::StatusFromWire(recorded.error());
  answer.scores.assign(recorded.message_scores().begin(), recorded.message_scores().end());
  if (signals::IsTable(question.kind)) {
    if (absl::Status status = Table(question, recorded, &answer); !status.ok()) return status;
  } else if (question.kind == signals::QuestionKind::kMessageScores && answer.scores.empty()) {
    absl::StatusOr<signals::Answer> computed = Compute(question);
    if (!computed.ok()) return computed.status();
    answer.scores = std::move(computed->scores);
  }
  ++next_;
  return answer;
}

absl::StatusOr<std::vector<signals::Answer>> RecordedAnswers::Next(
    const std::vector<signals::Question>& questions) {
  std::vector<signals::Answer> answers;
  answers.reserve(questions.size());
  for (const signals::Question& question : questions) {
    absl::StatusOr<signals::Answer> answer = Next(question);
    if (!answer.ok()) return answer.status();
    answers.push_back(*std::move(answer));
  }
  return answers;
}

absl::Status RecordedAnswers::Table(const signals::Question& question,
                                    const v1::AskedQuestion& recorded, signals::Answer* answer) {
  // The votes of a group are counted again: there is nothing else that the record could prove.
  if (recorded.table_size() > 0 && question.kind != signals::QuestionKind::kAllTeams) {
    answer->table = absl::MakeConstSpan(recorded.table().data(), recorded.table_size());
    return absl::OkStatus();
  }
  const absl::StatusOr<signals::Answer> computed = Compute(question);
  if (!computed.ok()) return computed.status();
  const bool same = recorded.table_size() > 0
                        ? std::equal(computed->table.begin(), computed->table.end(),
                                     recorded.table().begin(), recorded.table().end())
                        : ValuesDigest(computed->table) == recorded.table_sha256();
  if (!same) return Damaged(next_, "has another table than the episode gives");
  answer->table = computed->table;
  return absl::OkStatus();
}

// What is not in the record because it follows from the episode.
absl::StatusOr<signals::Answer> RecordedAnswers::Compute(const signals::Question& question) {
  const bool of_scorer = question.target == signals::Target::kScorer;
  const evaluation::LocalEvaluator* local = of_scorer ? nullptr : evaluator_->local();
  if (local == nullptr) return Damaged(next_, "has no answer");
  auto replay = local->Prepare(context_);
  if (!replay.ok()) return replay.status();
  replays_.push_back(*replay);
  signals::Answer computed;
  absl::Status status = (*replay)->Answer({&question, 1}, {&computed, 1});
  if (!status.ok()) return status;
  return computed;
}

}  // namespace assay::service
