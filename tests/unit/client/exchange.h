// What tests of a stream write, and what they read back.
#ifndef ASSAY_TESTS_UNIT_CLIENT_EXCHANGE_H_
#define ASSAY_TESTS_UNIT_CLIENT_EXCHANGE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "client/cpp/reconnecting_stream.h"
#include "tests/hangs.h"
#include "tests/unit/client/scripted_server.h"

namespace assay::client {

inline v1::Episode MakeEpisode(const std::string& id, const std::string& group = "") {
  v1::Episode episode;
  episode.set_id(id);
  if (!group.empty()) episode.mutable_group()->set_id(group);
  return episode;
}

inline StreamConfig PatientConfig() {
  StreamConfig config;
  config.reconnect_timeout = kHangs;
  return config;
}

// Serves whatever comes with `credits`, at once and to the end.
inline Script AnswerAll(int credits = 8) {
  return [credits](Link& link) {
    link.Ready(credits);
    std::vector<std::string> groups;
    while (const auto request = link.Receive()) {
      link.Result(request->episode().id());
      const std::string group = request->episode().group().id();
      if (!group.empty() && (groups.empty() || groups.back() != group)) groups.push_back(group);
    }
    for (const std::string& group : groups) link.Group(group);
    return absl::OkStatus();
  };
}

inline std::string Name(const StreamResult& result) {
  if (const auto* episode = std::get_if<v1::EpisodeResult>(&result)) return episode->episode_id();
  return absl::StrCat("group ", std::get<v1::GroupResult>(result).group_id());
}

inline std::vector<std::string> ReadAll(SignalStream* stream) {
  std::vector<std::string> names;
  while (const auto result = stream->Read()) names.push_back(Name(*result));
  return names;
}

// Writes all, then reads all.
inline std::vector<std::string> Exchange(SignalStream* stream,
                                         const std::vector<v1::Episode>& episodes) {
  for (const v1::Episode& episode : episodes) EXPECT_TRUE(stream->Write(episode).ok());
  stream->WritesDone();
  return ReadAll(stream);
}

}  // namespace assay::client

#endif  // ASSAY_TESTS_UNIT_CLIENT_EXCHANGE_H_
