#include "tests/scripted_streams.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <string>

#include "tests/unit/session/session_driver.h"

namespace assay::service {
namespace {

using testing::ScriptedEpisode;
using testing::ScriptedGroup;
using testing::ScriptedStream;

constexpr int kMaxRetries = 8;  // of both clients
const Load kEverything = {1000, 1};

v1::Episode Scripted(const ScriptedEpisode& script) {
  v1::Episode episode = SmallEpisode(script.id, 1);
  if (script.fails) episode.mutable_outcome()->set_score(7);
  if (!script.group.empty()) {
    episode.mutable_group()->set_id(script.group);
    episode.mutable_group()->set_size(script.size);
  }
  return episode;
}

// Sends one after the other what a client would, and again what the server, which is full then, has
// turned away.
TEST(ScriptedStreams, TheServerKeepsTheContractOfGroups) {
  for (const ScriptedStream& scripted : testing::ScriptedStreams()) {
    SCOPED_TRACE(scripted.name);
    Driver driver;
    driver.Options();
    std::set<std::string> errors;
    std::set<std::string> given_up;
    for (const ScriptedEpisode& script : scripted.episodes) {
      const int refusals = std::min(script.turned_away, kMaxRetries + 1);
      for (int k = 0; k < refusals; ++k) {
        ASSERT_EQ(driver.admission().Enter(kEverything, {}), Admission::Entry::kEntered);
        driver.Episode(Scripted(script));
        EXPECT_TRUE(driver.results().back().result().error().has_retry_after());
        driver.admission().Leave(kEverything);
      }
      if (script.turned_away > kMaxRetries) {
        errors.insert(script.id);
        given_up.insert(script.group);
        continue;
      }
      driver.Episode(Scripted(script));
      if (driver.results().back().result().has_error()) errors.insert(script.id);
    }
    driver.HalfClose();
    EXPECT_EQ(errors, scripted.errors);
    std::multiset<ScriptedGroup> groups;
    for (const auto& response : driver.Take(v1::StreamSignalsResponse::kGroup)) {
      ScriptedGroup found{response.group().group_id(), false, {}};
      found.given_up = given_up.count(found.id) > 0;  // the client's decision
      for (const auto& member : response.group().signals().episodes()) {
        if (!found.given_up) found.members.insert(member.episode_id());
      }
      groups.insert(found);
    }
    EXPECT_TRUE(groups == scripted.groups);
  }
}

}  // namespace
}  // namespace assay::service
