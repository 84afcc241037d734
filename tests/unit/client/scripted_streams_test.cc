#include "tests/scripted_streams.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <string>

#include "client/cpp/reconnecting_stream.h"
#include "tests/unit/client/scripted_server.h"

namespace assay::client {
namespace {

using testing::ScriptedEpisode;
using testing::ScriptedGroup;
using testing::ScriptedStream;

// Treats episodes as the script says, and groups as the wire does: a member that was turned away is
// not counted.
class ContractServer {
 public:
  explicit ContractServer(const ScriptedStream& stream) {
    for (const ScriptedEpisode& episode : stream.episodes) script_[episode.id] = episode;
  }

  absl::Status Serve(Link& link) {
    link.Ready(4);
    while (const auto request = link.Receive()) Answer(request->episode(), link);
    while (!groups_.empty()) Close(groups_.begin()->first, link);
    return absl::OkStatus();
  }

 private:
  struct Group {
    int size = 0;
    int counted = 0;
    std::set<std::string> answered;
  };

  void Answer(const v1::Episode& episode, Link& link) {
    ScriptedEpisode& script = script_.at(episode.id());
    v1::StreamSignalsResponse response;
    response.mutable_result()->set_episode_id(episode.id());
    const bool turned_away = script.turned_away > 0;
    if (turned_away || script.fails) {
      response.mutable_result()->mutable_error()->set_code(turned_away ? 8 : 3);
      if (turned_away) response.mutable_result()->mutable_error()->mutable_retry_after();
    } else {
      response.mutable_result()->mutable_signals()->set_episode_id(episode.id());
    }
    link.Send(response);
    if (turned_away) {
      --script.turned_away;
      return;
    }
    if (!episode.has_group()) return;
    Group& group = groups_[episode.group().id()];
    group.size = episode.group().size();
    ++group.counted;
    if (!script.fails) group.answered.insert(episode.id());
    if (group.counted == group.size) Close(episode.group().id(), link);
  }

  void Close(const std::string& id, Link& link) {
    v1::StreamSignalsResponse response;
    response.mutable_group()->set_group_id(id);
    const Group group = groups_.at(id);
    groups_.erase(id);
    if (group.answered.empty()) response.mutable_group()->mutable_error()->set_code(9);
    for (const std::string& member : group.answered) {
      response.mutable_group()->mutable_signals()->add_episodes()->set_episode_id(member);
    }
    link.Send(response);
  }

  std::map<std::string, ScriptedEpisode> script_;
  std::map<std::string, Group> groups_;
};

TEST(ScriptedStreams, ComeOutAsTheyShould) {
  for (const ScriptedStream& scripted : testing::ScriptedStreams()) {
    SCOPED_TRACE(scripted.name);
    ContractServer contract(scripted);
    ScriptedServer server({[&contract](Link& link) { return contract.Serve(link); }});
    const auto stream = NewReconnectingStream(StreamConfig(), server.connect());
    for (const ScriptedEpisode& script : scripted.episodes) {
      v1::Episode episode;
      episode.set_id(script.id);
      if (!script.group.empty()) {
        episode.mutable_group()->set_id(script.group);
        episode.mutable_group()->set_size(script.size);
      }
      ASSERT_TRUE(stream->Write(std::move(episode)).ok());
    }
    stream->WritesDone();
    std::set<std::string> answered;
    std::set<std::string> errors;
    std::multiset<ScriptedGroup> groups;
    while (const auto result = stream->Read()) {
      if (const auto* episode = std::get_if<v1::EpisodeResult>(&*result)) {
        EXPECT_TRUE(answered.insert(episode->episode_id()).second) << "twice";
        if (episode->has_error()) errors.insert(episode->episode_id());
        continue;
      }
      const auto& group = std::get<v1::GroupResult>(*result);
      // Only what the client itself gave up has another code than the server's.
      ScriptedGroup found{group.group_id(), group.error().code() == 8, {}};
      for (const auto& member : group.signals().episodes()) {
        found.members.insert(member.episode_id());
      }
      groups.insert(found);
    }
    EXPECT_TRUE(stream->Finish().ok()) << stream->Finish();
    EXPECT_EQ(answered.size(), scripted.episodes.size());
    EXPECT_EQ(errors, scripted.errors);
    EXPECT_TRUE(groups == scripted.groups);
  }
}

}  // namespace
}  // namespace assay::client
