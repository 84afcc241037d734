#include "server/audit/audit.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/protobuf/util/message_differencer.h"
#include "server/audit/result.h"
#include "server/base/version.h"
#include "server/signals/attribution.h"
#include "server/wire/convert.h"
#include "server/wire/digest.h"
#include "server/wire/errors.h"
#include "server/wire/questions.h"
#include "server/wire/resolve_options.h"

namespace assay::service {
namespace {

// Larger tables are recorded by digest: they follow from the episode.
constexpr size_t kMaxRecordedTable = 4096;

void ToWire(const signals::EvaluatorTraits& traits, v1::EvaluatorTraits* wire) {
  for (const auto kind : {signals::QuestionKind::kCoalition, signals::QuestionKind::kMessages,
                          signals::QuestionKind::kPrefix, signals::QuestionKind::kCorrection,
                          signals::QuestionKind::kMessageScores, signals::QuestionKind::kTeam}) {
    if (traits.Supports(kind)) wire->add_supports(service::ToWire(kind));
  }
  wire->set_whole_table(traits.Supports(signals::QuestionKind::kAllCoalitions));
  wire->set_free(traits.free);
  wire->set_deterministic(traits.deterministic);
}

signals::EvaluatorTraits ToDomain(const v1::EvaluatorTraits& wire, signals::EvaluatorKind kind) {
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

// The options as resolved, with the evaluator that answered for this episode.
void AddOptions(const EpisodeWork& work, v1::AttributionOptions* options) {
  *options = work.options->wire;
  if (options->evaluator_case() != v1::AttributionOptions::EVALUATOR_NOT_SET) return;
  if (work.evaluator == work.options->given) {
    options->mutable_given();
  } else if (work.evaluator == work.options->vote) {
    *options->mutable_vote() = work.options->vote_options;
  } else {
    options->mutable_outcome();
  }
}

void AddQuestion(const signals::AskedQuestion& asked, const EpisodeWork& work,
                 v1::AuditRecord* record) {
  v1::AskedQuestion* wire = record->add_questions();
  evaluation::ToWire(asked.question, *work.context, wire->mutable_counterfactual());
  wire->set_mean(Plain(asked.answer.mean));
  wire->set_samples(asked.answer.samples);
  wire->set_variance(asked.answer.variance);
  wire->set_cached(asked.answer.cached);
  wire->set_scorer(asked.question.target == signals::Target::kScorer);
  // A vote has no score for a message without an answer, and the wire no number for that: what
  // follows from the episode is then left out.
  const std::vector<double>& scores = asked.answer.scores;
  if (std::none_of(scores.begin(), scores.end(), [](double score) { return std::isnan(score); })) {
    wire->mutable_message_scores()->Add(scores.begin(), scores.end());
  }
  if (!signals::IsTable(asked.question.kind)) return;
  if (work.evaluator == work.options->given || asked.table.size() > kMaxRecordedTable) {
    wire->set_table_sha256(Sha256(absl::MakeConstSpan(asked.table)));
  } else {
    wire->mutable_table()->Add(asked.table.begin(), asked.table.end());
  }
}

void AddEvidence(const signals::Signals& signals, v1::AuditRecord* record) {
  for (size_t k = 0; k < signals.evidence_rows.size(); ++k) {
    const signals::MessageEvidence& row = signals.evidence_rows[k];
    v1::MessageEvidence* wire = record->add_messages();
    wire->set_evidence(Plain(row.evidence));
    wire->set_weight(Plain(row.weight));
    wire->set_low(Plain(row.low));
    wire->set_high(Plain(row.high));
    wire->set_redundancy(Plain(signals.messages[k].redundancy));
    wire->set_error_log_ratio(Plain(row.error_log_ratio));
    wire->set_prior(Plain(row.prior));
    wire->set_index(signals.messages[k].index);
  }
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

absl::StatusOr<ResolvedOptions> ResolveRecorded(const v1::AuditRecord& record) {
  Catalog catalog;
  const std::string& named = record.options().named().name();
  if (record.options().has_named()) {
    catalog.evaluators[named] = std::make_shared<RecordedEvaluator>(
        named, ToDomain(record.evaluator(), signals::EvaluatorKind::kNamed));
  }
  if (!record.options().scorer().empty()) {
    // Only message scores are ever asked of a scorer; it may be the evaluator under another hat.
    catalog.evaluators.try_emplace(
        record.options().scorer(),
        std::make_shared<RecordedEvaluator>(
            record.options().scorer(), ToDomain(record.scorer(), signals::EvaluatorKind::kNamed)));
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

absl::Status Damaged(size_t question, absl::string_view what) {
  return absl::DataLossError(absl::StrCat("audit.questions[", question, "] ", what));
}

// Answers from the record, in the order asked.
class RecordedAnswers {
 public:
  RecordedAnswers(const v1::AuditRecord& record, const EpisodeWork& work)
      : record_(record), work_(work) {}

  bool exhausted() const { return next_ == static_cast<size_t>(record_.questions_size()); }

  absl::StatusOr<signals::Answer> Next(const signals::Question& question) {
    if (exhausted()) return Damaged(next_, "is missing");
    const v1::AskedQuestion& recorded = record_.questions(static_cast<int>(next_));
    v1::Counterfactual asked;
    evaluation::ToWire(question, *work_.context, &asked);
    if (recorded.scorer() != (question.target == signals::Target::kScorer) ||
        recorded.counterfactual().SerializeAsString() != asked.SerializeAsString()) {
      return Damaged(next_, "is not what is asked here");
    }
    signals::Answer answer;
    answer.mean = recorded.mean();
    answer.samples = recorded.samples();
    answer.variance = recorded.variance();
    answer.cached = recorded.cached();
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

 private:
  absl::Status Table(const signals::Question& question, const v1::AskedQuestion& recorded,
                     signals::Answer* answer) {
    if (recorded.table_size() > 0) {
      answer->table = absl::MakeConstSpan(recorded.table().data(), recorded.table_size());
      return absl::OkStatus();
    }
    const absl::StatusOr<signals::Answer> computed = Compute(question);
    if (!computed.ok()) return computed.status();
    if (Sha256(computed->table) != recorded.table_sha256()) {
      return Damaged(next_, "has another table than the episode gives");
    }
    answer->table = computed->table;
    return absl::OkStatus();
  }

  // What is not in the record because it follows from the episode.
  absl::StatusOr<signals::Answer> Compute(const signals::Question& question) {
    const bool of_scorer = question.target == signals::Target::kScorer;
    const evaluation::LocalEvaluator* local = of_scorer ? nullptr : work_.evaluator->local();
    if (local == nullptr) return Damaged(next_, "has no answer");
    auto replay = local->Prepare(work_.context);
    if (!replay.ok()) return replay.status();
    replays_.push_back(*replay);
    signals::Answer computed;
    absl::Status status = (*replay)->Answer({&question, 1}, {&computed, 1});
    if (!status.ok()) return status;
    return computed;
  }

  const v1::AuditRecord& record_;
  const EpisodeWork& work_;
  size_t next_ = 0;
  // Keep the tables handed out.
  std::vector<std::shared_ptr<const evaluation::EpisodeReplay>> replays_;
};

absl::StatusOr<signals::Signals> ReplayAttribution(const v1::EpisodeSignals& recorded,
                                                   const EpisodeWork& work) {
  RecordedAnswers record(recorded.audit(), work);
  const signals::EvaluatorTraits scorer =
      work.options->scorer != nullptr ? work.options->scorer->traits() : signals::EvaluatorTraits();
  // Grades are not in the record, as they follow from the episode.
  std::shared_ptr<const evaluation::EpisodeReplay> replay;
  if (const evaluation::LocalEvaluator* local = work.evaluator->local(); local != nullptr) {
    if (auto prepared = local->Prepare(work.context); prepared.ok()) replay = *prepared;
  }
  signals::Attribution plan(
      work.context->episode, *work.options->options, work.evaluator->traits(), scorer,
      replay != nullptr ? replay->grades() : absl::Span<const signals::AnswerGrade>());
  // Ends: every round takes at least one question from the record.
  while (!plan.done()) {
    if (recorded.partial() && record.exhausted() && plan.can_finish_early()) break;
    std::vector<signals::Answer> answers;
    for (const signals::Question& question : plan.ask()) {
      absl::StatusOr<signals::Answer> answer = record.Next(question);
      if (!answer.ok()) return answer.status();
      answers.push_back(*std::move(answer));
    }
    if (absl::Status told = plan.tell(answers); !told.ok()) return told;
  }
  if (!record.exhausted()) return absl::DataLossError("audit.questions holds more than is asked");
  return plan.finish();
}

}  // namespace

void AddEvaluator(const EpisodeWork& work, v1::EpisodeSignals* wire) {
  wire->mutable_effort()->set_evaluator(std::string(work.evaluator->name()));
  if (work.evaluator == work.options->vote) {
    wire->mutable_effort()->set_ballots(work.options->vote_options.ballots());
  }
}

void AddAudit(const EpisodeWork& work, const signals::Signals& signals, v1::EpisodeSignals* wire) {
  const signals::AuditLevel level = work.options->options->audit;
  if (level == signals::AuditLevel::kNone) return;
  v1::AuditRecord* record = wire->mutable_audit();
  record->set_software_version(std::string(Version()));
  if (level != signals::AuditLevel::kFull) return;
  AddOptions(work, record->mutable_options());
  record->set_episode_sha256(Sha256(*work.episode));
  record->mutable_questions()->Reserve(static_cast<int>(signals.asked.size()));
  for (const signals::AskedQuestion& asked : signals.asked) {
    AddQuestion(asked, work, record);
  }
  AddEvidence(signals, record);
  ToWire(work.evaluator->traits(), record->mutable_evaluator());
  if (work.options->scorer != nullptr) {
    ToWire(work.options->scorer->traits(), record->mutable_scorer());
  }
  record->set_signals_sha256(Sha256(*wire));
}

absl::StatusOr<v1::EpisodeSignals> Replay(const v1::EpisodeSignals& recorded,
                                          const v1::Episode& episode) {
  const v1::AuditRecord& record = recorded.audit();
  if (!record.has_options() || record.episode_sha256().empty()) {
    return absl::FailedPreconditionError("the signals carry no AUDIT_FULL record");
  }
  if (record.episode_sha256() != Sha256(episode)) {
    return absl::DataLossError("audit.episode_sha256 is not that of this episode");
  }
  absl::StatusOr<ResolvedOptions> options = ResolveRecorded(record);
  if (!options.ok()) return options.status();
  const auto bytes = static_cast<int64_t>(episode.ByteSizeLong());
  absl::StatusOr<EpisodeWork> work =
      AcceptEpisode(std::shared_ptr<const v1::Episode>(std::shared_ptr<void>(), &episode), bytes,
                    std::make_shared<ResolvedOptions>(*std::move(options)), Limits());
  if (!work.ok()) {
    return absl::DataLossError(
        absl::StrCat("the options do not fit the episode: ", work.status().message()));
  }
  absl::StatusOr<signals::Signals> signals = ReplayAttribution(recorded, *work);
  if (!signals.ok()) return signals.status();
  v1::EpisodeResult result = MakeResult(*work, std::move(signals));
  if (result.has_error()) return evaluation::ToStatus(result.error());
  return std::move(*result.mutable_signals());
}

absl::Status Verify(const v1::EpisodeSignals& recorded, const v1::Episode& episode) {
  absl::StatusOr<v1::EpisodeSignals> again = Replay(recorded, episode);
  if (!again.ok()) return again.status();
  if (again->SerializeAsString() == recorded.SerializeAsString()) return absl::OkStatus();
  std::string differences;
  google::protobuf::util::DefaultFieldComparator comparator;
  comparator.set_treat_nan_as_equal(true);
  google::protobuf::util::MessageDifferencer differencer;
  differencer.set_field_comparator(&comparator);
  differencer.ReportDifferencesToString(&differences);
  if (differencer.Compare(recorded, *again)) return absl::DataLossError("unknown fields differ");
  return absl::DataLossError(differences.substr(0, differences.find('\n')));
}

}  // namespace assay::service
