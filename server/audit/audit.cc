#include "server/audit/audit.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "server/base/version.h"
#include "server/wire/convert.h"
#include "server/wire/errors.h"
#include "server/wire/questions/digest.h"
#include "server/wire/questions/questions.h"
#include "server/wire/resolve_options.h"

namespace assay::service {
namespace {

// Larger tables are recorded by digest: they follow from the episode.
constexpr size_t kMaxRecordedTable = 4096;

void TraitsToWire(const signals::EvaluatorTraits& traits, v1::EvaluatorTraits* wire) {
  for (const auto kind : {signals::QuestionKind::kCoalition, signals::QuestionKind::kMessages,
                          signals::QuestionKind::kPrefix, signals::QuestionKind::kCorrection,
                          signals::QuestionKind::kMessageScores, signals::QuestionKind::kTeam}) {
    if (traits.Supports(kind)) wire->add_supports(QuestionKindToWire(kind));
  }
  wire->set_whole_table(traits.Supports(signals::QuestionKind::kAllCoalitions));
  wire->set_free(traits.free);
  wire->set_deterministic(traits.deterministic);
}

// The options as resolved, with the evaluator that answered.
void AddOptions(const ResolvedOptions& resolved, const evaluation::Evaluator& evaluator,
                v1::AttributionOptions* options) {
  *options = resolved.wire;
  if (options->evaluator_case() != v1::AttributionOptions::EVALUATOR_NOT_SET) return;
  if (&evaluator == resolved.given.get()) {
    options->mutable_given();
  } else if (&evaluator == resolved.vote.get()) {
    *options->mutable_vote() = resolved.vote_options;
  } else {
    options->mutable_outcome();
  }
}

// `from_episode`: a table stands in the episode itself.
void AddQuestion(const signals::AskedQuestion& asked, const evaluation::EpisodeContext& context,
                 bool from_episode, v1::AuditRecord* record) {
  v1::AskedQuestion* wire = record->add_questions();
  evaluation::QuestionToWire(asked.question, context, wire->mutable_counterfactual());
  if (!asked.answer.error.ok()) {
    *wire->mutable_error() = ErrorToWire(asked.answer.error);
    wire->set_samples(asked.question.samples);
    return;
  }
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
  if (from_episode || asked.table.size() > kMaxRecordedTable) {
    wire->set_table_sha256(ValuesDigest(asked.table));
  } else {
    wire->mutable_table()->Add(asked.table.begin(), asked.table.end());
  }
}

void AddMessages(const signals::Signals& signals, v1::AuditRecord* record) {
  for (size_t k = 0; k < signals.message_audits.size(); ++k) {
    const signals::MessageAudit& row = signals.message_audits[k];
    v1::MessageEvidence* wire = record->add_messages();
    wire->set_evidence(Plain(row.raw_reward));
    wire->set_weight(Plain(row.weight));
    wire->set_low(Plain(row.low));
    wire->set_high(Plain(row.high));
    wire->set_redundancy(Plain(signals.messages[k].redundancy));
    wire->set_error_log_ratio(Plain(row.error_log_ratio));
    wire->set_prior(Plain(row.prior));
    wire->set_index(signals.messages[k].index);
  }
}

}  // namespace

void AddEvaluator(const EpisodeWork& work, v1::EpisodeSignals* wire) {
  wire->mutable_effort()->set_evaluator(std::string(work.evaluator->name()));
  if (work.evaluator == work.options->vote) {
    wire->mutable_effort()->set_ballots(work.options->vote_options.ballots());
    wire->mutable_effort()->set_unreadable_answers(static_cast<int32_t>(std::count_if(
        wire->messages().begin(), wire->messages().end(),
        [](const auto& message) { return message.grade() == v1::ANSWER_GRADE_UNREADABLE; })));
  }
}

void AddAudit(const EpisodeWork& work, const signals::Signals& signals, v1::EpisodeSignals* wire) {
  const signals::AuditLevel level = work.options->options->audit;
  if (level == signals::AuditLevel::kNone) return;
  v1::AuditRecord* record = wire->mutable_audit();
  record->set_software_version(std::string(Version()));
  if (level != signals::AuditLevel::kFull) return;
  AddOptions(*work.options, *work.evaluator, record->mutable_options());
  record->set_episode_sha256(MessageDigest(*work.episode));
  record->mutable_questions()->Reserve(static_cast<int>(signals.asked.size()));
  for (const signals::AskedQuestion& asked : signals.asked) {
    AddQuestion(asked, *work.context, work.evaluator == work.options->given, record);
  }
  AddMessages(signals, record);
  TraitsToWire(work.evaluator->traits(), record->mutable_evaluator());
  if (work.options->scorer != nullptr) {
    TraitsToWire(work.options->scorer->traits(), record->mutable_scorer());
  }
  record->set_signals_sha256(MessageDigest(*wire));
}

void AddAudit(const GroupWork& work, const AskedTeams& asked, v1::GroupSignals* wire) {
  if (work.options->options->audit != signals::AuditLevel::kFull) return;
  v1::AuditRecord* record = wire->mutable_audit();
  record->set_software_version(std::string(Version()));
  *record->mutable_options() = work.options->wire;
  if (work.evaluator != nullptr) {
    AddOptions(*work.options, *work.evaluator, record->mutable_options());
    TraitsToWire(work.evaluator->traits(), record->mutable_evaluator());
  }
  for (const auto& [id, member] : work.members) record->add_member_sha256(member.episode_sha256());
  if (asked.has_value() && asked->ok()) {
    record->mutable_questions()->Reserve(static_cast<int>((*asked)->asked.size()));
    for (const signals::AskedQuestion& question : (*asked)->asked) {
      AddQuestion(question, *work.context, /*from_episode=*/false, record);
    }
  }
  record->set_signals_sha256(MessageDigest(*wire));
}

}  // namespace assay::service
