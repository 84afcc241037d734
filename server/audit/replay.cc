#include "server/audit/replay.h"

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/protobuf/util/message_differencer.h"
#include "server/audit/recorded.h"
#include "server/audit/result.h"
#include "server/recombination/group_plan.h"
#include "server/session/group_pairs.h"
#include "server/signals/attribution.h"
#include "server/wire/questions/digest.h"
#include "server/wire/questions/questions.h"

namespace assay::service {
namespace {

absl::StatusOr<signals::Signals> ReplayAttribution(const v1::EpisodeSignals& recorded,
                                                   const EpisodeWork& work) {
  RecordedAnswers record(recorded.audit(), work.context, work.evaluator);
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
    const absl::StatusOr<std::vector<signals::Answer>> answers = record.Next(plan.ask());
    if (!answers.ok()) return answers.status();
    if (absl::Status told = plan.tell(*answers); !told.ok()) return told;
  }
  if (!record.exhausted()) return absl::DataLossError("audit.questions holds more than is asked");
  return plan.finish();
}

// DATA_LOSS names the first difference.
absl::Status Compare(const google::protobuf::Message& recorded,
                     const google::protobuf::Message& again) {
  if (again.SerializeAsString() == recorded.SerializeAsString()) return absl::OkStatus();
  std::string differences;
  google::protobuf::util::DefaultFieldComparator comparator;
  comparator.set_treat_nan_as_equal(true);
  google::protobuf::util::MessageDifferencer differencer;
  differencer.set_field_comparator(&comparator);
  differencer.ReportDifferencesToString(&differences);
  if (differencer.Compare(recorded, again)) return absl::DataLossError("unknown fields differ");
  return absl::DataLossError(differences.substr(0, differences.find('\n')));
}

// It lives longer than what is made of it here.
std::shared_ptr<const v1::Episode> Borrow(const v1::Episode& episode) {
  return std::shared_ptr<const v1::Episode>(std::shared_ptr<void>(), &episode);
}

absl::StatusOr<EpisodeWork> Accept(const v1::Episode& episode,
                                   std::shared_ptr<const ResolvedOptions> options) {
  absl::StatusOr<EpisodeWork> work = AcceptEpisode(
      Borrow(episode), static_cast<int64_t>(episode.ByteSizeLong()), std::move(options), Limits());
  if (work.ok()) return work;
  return absl::DataLossError(
      absl::StrCat("the options do not fit the episode: ", work.status().message()));
}

// What the group was made of; as much as its record proves.
absl::StatusOr<GroupWork> MembersOf(const v1::GroupSignals& recorded, FindMember find,
                                    const std::shared_ptr<const ResolvedOptions>& options) {
  GroupWork work;
  work.id = recorded.group_id();
  work.missing.assign(recorded.missing_episode_ids().begin(), recorded.missing_episode_ids().end());
  work.never_sent = recorded.never_sent();
  work.options = options;
  std::map<std::string, TeamSource> sources;
  for (int e = 0; e < recorded.episodes_size(); ++e) {
    const std::string& id = recorded.episodes(e).episode_id();
    const RecordedMember member = find(id);
    if (member.episode == nullptr || member.signals == nullptr) {
      return absl::NotFoundError(
          absl::StrCat("episode ", id, " is not given, or its signals do not come before"));
    }
    if (recorded.audit().member_sha256(e) != MessageDigest(*member.episode)) {
      return absl::DataLossError(
          absl::StrCat("audit.member_sha256[", e, "] is not that of episode ", id));
    }
    std::optional<Transcript> transcript;
    if (WantsPairs(*options->options)) transcript.emplace(*member.episode);
    work.members.emplace(id, AnsweredMember(*member.signals, std::move(transcript)));
    absl::StatusOr<EpisodeWork> accepted = Accept(*member.episode, options);
    if (!accepted.ok()) return accepted.status();
    if (WantsTeams(*options->options)) sources.emplace(id, MakeTeamSource(*accepted));
  }
  AddTeams(sources, &work);
  return work;
}

absl::StatusOr<AskedTeams> ReplayTeams(const v1::GroupSignals& recorded, const GroupWork& work) {
  if (recorded.recombined().has_error()) {
    return AskedTeams(evaluation::StatusFromWire(recorded.recombined().error()));
  }
  if (!work.asks()) return AskedTeams();
  const engine::GroupJob job = work.Job(absl::InfiniteDuration());
  std::vector<recombination::Member> members;
  for (size_t m = 0; m < job.values.size(); ++m) {
    members.push_back({&job.context->members[m]->episode, job.values[m]});
  }
  recombination::GroupPlan plan(std::move(members), job.options, job.evaluator->traits());
  RecordedAnswers record(recorded.audit(), job.context, job.evaluator);
  while (!plan.done()) {
    const absl::StatusOr<std::vector<signals::Answer>> answers = record.Next(plan.ask());
    if (!answers.ok()) return answers.status();
    if (absl::Status told = plan.tell(*answers); !told.ok()) return told;
  }
  if (!record.exhausted()) return absl::DataLossError("audit.questions holds more than is asked");
  return AskedTeams(plan.finish());
}

}  // namespace

absl::StatusOr<v1::EpisodeSignals> Replay(const v1::EpisodeSignals& recorded,
                                          const v1::Episode& episode) {
  const v1::AuditRecord& record = recorded.audit();
  if (!record.has_options() || record.episode_sha256().empty()) {
    return absl::FailedPreconditionError("the signals carry no AUDIT_FULL record");
  }
  if (record.episode_sha256() != MessageDigest(episode)) {
    return absl::DataLossError("audit.episode_sha256 is not that of this episode");
  }
  absl::StatusOr<ResolvedOptions> options = ResolveRecorded(record);
  if (!options.ok()) return options.status();
  absl::StatusOr<EpisodeWork> work =
      Accept(episode, std::make_shared<ResolvedOptions>(*std::move(options)));
  if (!work.ok()) return work.status();
  absl::StatusOr<signals::Signals> signals = ReplayAttribution(recorded, *work);
  if (!signals.ok()) return signals.status();
  v1::EpisodeResult result = MakeResult(*work, std::move(signals));
  if (result.has_error()) return evaluation::StatusFromWire(result.error());
  return std::move(*result.mutable_signals());
}

absl::Status Verify(const v1::EpisodeSignals& recorded, const v1::Episode& episode) {
  const absl::StatusOr<v1::EpisodeSignals> again = Replay(recorded, episode);
  return again.ok() ? Compare(recorded, *again) : again.status();
}

absl::StatusOr<v1::GroupSignals> Replay(const v1::GroupSignals& recorded, FindMember find) {
  const v1::AuditRecord& record = recorded.audit();
  if (!record.has_options()) {
    return absl::FailedPreconditionError("the group carries no AUDIT_FULL record");
  }
  if (record.member_sha256_size() != recorded.episodes_size()) {
    return absl::DataLossError("audit.member_sha256 has not one digest an episode");
  }
  absl::StatusOr<ResolvedOptions> options = ResolveRecorded(record);
  if (!options.ok()) return options.status();
  absl::StatusOr<GroupWork> work =
      MembersOf(recorded, find, std::make_shared<const ResolvedOptions>(*std::move(options)));
  if (!work.ok()) return work.status();
  const absl::StatusOr<AskedTeams> asked = ReplayTeams(recorded, *work);
  if (!asked.ok()) return asked.status();
  v1::GroupResult result;
  MakeResult(*work, *asked, &result);
  if (result.has_error()) return evaluation::StatusFromWire(result.error());
  return std::move(*result.mutable_signals());
}

absl::Status Verify(const v1::GroupSignals& recorded, FindMember find) {
  const absl::StatusOr<v1::GroupSignals> again = Replay(recorded, find);
  return again.ok() ? Compare(recorded, *again) : again.status();
}

}  // namespace assay::service
