#include "client/command/verify_command.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "assay/v1/signal_service.pb.h"
#include "client/command/json.h"
#include "client/command/line_reader.h"
#include "server/audit/replay.h"

namespace assay::command {
namespace {

using EpisodesById = absl::flat_hash_map<std::string, v1::Episode>;

absl::StatusOr<EpisodesById> ReadEpisodes(int file, const EpisodeFormat& format) {
  EpisodesById episodes;
  const absl::Status read = ForEachEpisode(file, format, [&episodes](v1::Episode episode) {
    const std::string id = episode.id();
    episodes.insert_or_assign(id, std::move(episode));
  });
  if (!read.ok()) return read;
  return episodes;
}

class Verifier {
 public:
  Verifier(EpisodesById episodes, FILE* output) : episodes_(std::move(episodes)), output_(output) {}

  void OnLine(int64_t number, const std::string& line) {
    v1::EpisodeResult episode;
    v1::GroupResult group;
    const absl::Status status = FromJson(line, &episode);
    if (status.ok()) {
      OnEpisode(episode);
    } else if (FromJson(line, &group).ok()) {
      OnGroup(group);
    } else {
      Report(absl::StrCat("line ", number), status);
    }
  }

  // Writes the last line to stderr; the exit code.
  int Finish() const {
    absl::FPrintF(stderr, "%d verified, %d wrong, %d without signals\n", right_, wrong_, without_);
    return wrong_ == 0 && right_ > 0 ? 0 : 1;
  }

 private:
  void OnEpisode(const v1::EpisodeResult& result) {
    if (!result.has_signals()) {
      ++without_;
      return;
    }
    const std::string name = absl::StrCat("episode ", result.episode_id());
    const auto it = episodes_.find(result.episode_id());
    if (it == episodes_.end()) {
      return Report(name, absl::NotFoundError("the episode is not among those given"));
    }
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
    if (status.ok()) {
      ++right_;
      return;
    }
    ++wrong_;
    absl::FPrintF(output_, "%s: %s: %s\n", name, absl::StatusCodeToString(status.code()),
                  status.message());
  }

  const EpisodesById episodes_;
  FILE* const output_;
  // What a group is made of, by the ids of group and episode.
  absl::flat_hash_map<std::string, absl::flat_hash_map<std::string, v1::EpisodeSignals>> members_;
  int64_t right_ = 0;
  int64_t wrong_ = 0;
  int64_t without_ = 0;
};

}  // namespace

int RunVerify(int episodes, const EpisodeFormat& format, int input, FILE* output) {
  absl::StatusOr<EpisodesById> read = ReadEpisodes(episodes, format);
  if (!read.ok()) {
    absl::FPrintF(stderr, "assay: episodes: %s\n", read.status().message());
    return kUnreadableInput;
  }
  Verifier verifier(*std::move(read), output);
  LineReader reader(input);
  std::string line;
  while (reader.Next(&line)) verifier.OnLine(reader.line_number(), line);
  const int code = verifier.Finish();
  if (reader.status().ok()) return code;
  absl::FPrintF(stderr, "assay: -:%d: %s\n", reader.line_number() + 1, reader.status().message());
  return kUnreadableInput;
}

}  // namespace assay::command
