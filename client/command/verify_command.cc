#include "client/command/verify_command.h"

#include <cstdint>
#include <optional>
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
#include "absl/strings/str_join.h"
#include "assay/v1/signal_service.pb.h"
#include "client/command/progress.h"
#include "client/input/read_json.h"
#include "client/input/record_reader.h"
#include "server/audit/replay.h"

namespace assay::command {
namespace {

using EpisodesById = absl::flat_hash_map<std::string, v1::Episode>;

absl::StatusOr<EpisodesById> ReadEpisodes(const std::vector<std::string>& files,
                                          const EpisodeFormat& format) {
  EpisodesById episodes;
  EpisodeReader reader(files, format);
  while (std::optional<absl::StatusOr<v1::Episode>> episode = reader.Next()) {
    if (!episode->ok()) return episode->status();
    const std::string id = (*episode)->id();
    if (!episodes.try_emplace(id, **std::move(episode)).second) {
      return absl::InvalidArgumentError(
          absl::StrCat(reader.place(), ": episode ", id, " is there twice"));
    }
  }
  if (!reader.status().ok()) return reader.status();
  return episodes;
}

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
    } else if (v1::StreamSignalsResponse line;
               ReadJson(record.json, &line).ok() && line.has_notice()) {
      PrintNotice(line.notice());  // a stream over HTTP has them among the results
    } else {
      const bool is_group = absl::StartsWith(status.message(), "group");
      Report(record.place, is_group ? as_group : status);
    }
  }

  // What the lines left out. Writes the last line to stderr; the exit code.
  int Finish(const std::vector<std::string>& results, bool quiet) {
    if (episode_reports_ + group_reports_ + without_ == 0) {
      const std::string names = absl::StrJoin(results, ", ");
      absl::FPrintF(stderr, "assay: no results in %s\n", names == "-" ? "the input" : names);
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
    v1::EpisodeSignals& member = members_[signals.group().id()][signals.episode_id()];
    member = signals;
    member.clear_pairs();
    member.clear_interactions();
    // The group's record repeats the digest.
    member.clear_audit();
    member.mutable_audit()->set_episode_sha256(signals.audit().episode_sha256());
  }

  void OnGroup(const v1::GroupResult& result) {
    if (!result.has_signals()) {
      ++without_;
      return;
    }
    Report(absl::StrCat("group ", result.group_id()), VerifyGroup(result.signals()));
    members_.erase(result.group_id());
  }

  absl::Status VerifyGroup(const v1::GroupSignals& recorded) const {
    return service::Verify(recorded, [&](const std::string& id) {
      service::RecordedMember member;
      if (const auto episode = episodes_.find(id); episode != episodes_.end()) {
        member.episode = &episode->second;
      }
      const auto group = members_.find(recorded.group_id());
      if (group == members_.end()) return member;
      if (const auto signals = group->second.find(id); signals != group->second.end()) {
        member.signals = &signals->second;
      }
      return member;
    });
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
  // What a group is made of, by the ids of group and episode.
  absl::flat_hash_map<std::string, absl::flat_hash_map<std::string, v1::EpisodeSignals>> members_;
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

int RunVerify(const std::vector<std::string>& episodes, const EpisodeFormat& format,
              const std::vector<std::string>& results, bool quiet, FILE* output) {
  for (const std::string& name : results) {
    if (const auto file = InputFile::Open(name); !file.ok()) return Unreadable(file.status());
  }
  absl::StatusOr<EpisodesById> read = ReadEpisodes(episodes, format);
  if (!read.ok()) return Unreadable(read.status());
  Verifier verifier(*std::move(read), output);
  for (const std::string& name : results) {
    const auto file = InputFile::Open(name);
    if (!file.ok()) return Unreadable(file.status());
    RecordReader reader((*file)->fd(), name);
    Record record;
    while (reader.Next(&record)) verifier.OnRecord(record);
    if (!reader.status().ok()) return Unreadable(reader.status());
  }
  return verifier.Finish(results, quiet);
}

}  // namespace assay::command
