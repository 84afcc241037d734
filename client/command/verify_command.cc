#include "client/command/verify_command.h"

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "assay/v1/signal_service.pb.h"
#include "client/command/json.h"
#include "client/command/record_reader.h"
#include "google/protobuf/util/message_differencer.h"
#include "server/audit/audit.h"
#include "server/session/groups.h"

namespace assay::command {
namespace {

using EpisodesById = absl::flat_hash_map<std::string, v1::Episode>;

absl::StatusOr<EpisodesById> ReadEpisodes(const std::string& file, const EpisodeFormat& format) {
  EpisodesById episodes;
  absl::Status twice;
  const absl::Status read =
      ForEachEpisode(file, format, [&](const std::string& place, v1::Episode episode) {
        const std::string id = episode.id();
        const bool added = episodes.try_emplace(id, std::move(episode)).second;
        if (added || !twice.ok()) return;
        twice =
            absl::InvalidArgumentError(absl::StrCat(place, ": episode ", id, " is there twice"));
      });
  if (!read.ok()) return read;
  if (!twice.ok()) return twice;
  return episodes;
}

// What ComputeAdvantages reads of a group's member, and the options of its record.
struct Member {
  v1::EpisodeSignals signals;
  v1::AttributionOptions options;
};

class Verifier {
 public:
  Verifier(EpisodesById episodes, FILE* output) : episodes_(std::move(episodes)), output_(output) {}

  void OnRecord(const Record& record) {
    if (!record.fault.empty())
      return Report(record.place, absl::InvalidArgumentError(record.fault));
    v1::EpisodeResult episode;
    v1::GroupResult group;
    const absl::Status status = ReadJson(record.json, &episode);
    if (status.ok()) {
      OnEpisode(episode);
    } else if (const absl::Status as_group = ReadJson(record.json, &group); as_group.ok()) {
      OnGroup(group);
    } else {
      const bool is_group = absl::StartsWith(status.message(), "group");
      Report(record.place, is_group ? as_group : status);
    }
  }

  // What the lines left out. Writes the last line to stderr; the exit code.
  int Finish(const std::string& results, bool quiet) {
    if (episode_reports_ + group_reports_ + without_ == 0) {
      absl::FPrintF(stderr, "assay: no results in %s\n", results == "-" ? "the input" : results);
      return 2;
    }
    std::set<std::string> missing;
    for (const auto& [id, episode] : episodes_) {
      if (!answered_.contains(id)) missing.insert(id);
    }
    for (const std::string& id : missing) {
      Report(absl::StrCat("episode ", id), absl::NotFoundError("has no result"));
    }
    const int64_t verified = episode_reports_ + group_reports_;
    if (!quiet || wrong_ > 0) absl::FPrintF(stderr, "%s\n", Summary());
    return wrong_ == 0 && verified > 0 ? 0 : 1;
  }

 private:
  std::string Summary() const {
    std::string text = absl::StrCat("verified ", episode_reports_, " episodes");
    if (group_reports_ > 0) absl::StrAppend(&text, " and ", group_reports_, " groups");
    absl::StrAppend(&text, ": ", wrong_ > 0 ? absl::StrCat(wrong_, " wrong") : "all right");
    if (without_ > 0) absl::StrAppend(&text, "; ", without_, " answered with an error");
    return text;
  }

  void OnEpisode(const v1::EpisodeResult& result) {
    const std::string name = absl::StrCat("episode ", result.episode_id());
    const auto it = episodes_.find(result.episode_id());
    const bool first = answered_.insert(result.episode_id()).second;
    if (!result.has_signals()) {
      ++without_;
      return;
    }
    if (it == episodes_.end()) {
      return Report(name, absl::NotFoundError("is not among the episodes"));
    }
    if (!first) return Report(name, absl::AlreadyExistsError("is answered twice"));
    if (result.signals().episode_id() != result.episode_id()) {
      return Report(name, absl::DataLossError("signals.episode_id differs"));
    }
    Report(name, service::Verify(result.signals(), it->second));
    if (result.signals().has_group()) Keep(result.signals());
  }

  void Keep(const v1::EpisodeSignals& signals) {
    Member& member = members_[signals.group().id()][signals.episode_id()];
    member.options = signals.audit().options();
    member.signals = signals;
    member.signals.clear_audit();
    member.signals.clear_pairs();
    member.signals.clear_interactions();
  }

  void OnGroup(const v1::GroupResult& result) {
    if (!result.has_signals()) {
      ++without_;
      return;
    }
    Report(absl::StrCat("group ", result.group_id()), VerifyGroup(result.signals()));
    members_.erase(result.group_id());
  }

  // The numbers of the group; its pairs need texts and are not looked at.
  absl::Status VerifyGroup(const v1::GroupSignals& recorded) const {
    const auto members = members_.find(recorded.group_id());
    v1::ComputeAdvantagesRequest request;
    for (const v1::EpisodeAdvantages& episode : recorded.episodes()) {
      if (members == members_.end() || !members->second.contains(episode.episode_id())) {
        return absl::NotFoundError(
            absl::StrCat("the signals of episode ", episode.episode_id(), " do not come before"));
      }
      const Member& member = members->second.at(episode.episode_id());
      *request.add_episodes() = member.signals;
      *request.mutable_options() = member.options.advantages();
      *request.mutable_value_range() = member.options.value_range();
    }
    const auto computed = service::ComputeAdvantages(request, service::Limits());
    if (!computed.ok()) return computed.status();
    if (computed->groups_size() != 1) return absl::DataLossError("episodes of other groups");
    const v1::GroupSignals& again = computed->groups(0).signals();
    v1::GroupSignals expected = recorded;
    expected.clear_pairs();
    expected.clear_missing_episode_ids();
    expected.set_never_sent(again.never_sent());
    std::string difference;
    google::protobuf::util::MessageDifferencer differencer;
    differencer.ReportDifferencesToString(&difference);
    if (differencer.Compare(expected, again)) return absl::OkStatus();
    return absl::DataLossError(difference.substr(0, difference.find('\n')));
  }

  void Report(const std::string& name, const absl::Status& status) {
    ++(absl::StartsWith(name, "group ") ? group_reports_ : episode_reports_);
    if (status.ok()) return;
    ++wrong_;
    absl::FPrintF(output_, "WRONG %s: %s\n", name, status.message());
  }

  const EpisodesById episodes_;
  FILE* const output_;
  absl::flat_hash_set<std::string> answered_;
  absl::flat_hash_map<std::string, absl::flat_hash_map<std::string, Member>> members_;
  int64_t episode_reports_ = 0;
  int64_t group_reports_ = 0;
  int64_t wrong_ = 0;
  int64_t without_ = 0;
};

int Unreadable(const absl::Status& status) {
  absl::FPrintF(stderr, "assay: %s\n", status.message());
  return 2;
}

}  // namespace

int RunVerify(const std::string& episodes, const EpisodeFormat& format, const std::string& results,
              bool quiet, FILE* output) {
  const auto file = InputFile::Open(results);
  if (!file.ok()) return Unreadable(file.status());
  absl::StatusOr<EpisodesById> read = ReadEpisodes(episodes, format);
  if (!read.ok()) return Unreadable(read.status());
  Verifier verifier(*std::move(read), output);
  RecordReader reader((*file)->fd(), results);
  Record record;
  while (reader.Next(&record)) verifier.OnRecord(record);
  if (!reader.status().ok()) return Unreadable(reader.status());
  return verifier.Finish(results, quiet);
}

}  // namespace assay::command
