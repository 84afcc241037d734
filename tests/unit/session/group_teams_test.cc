// Teams put together from the episodes of a group, in the life of a stream.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "server/audit/replay.h"
#include "tests/unit/session/session_driver.h"

namespace assay::service {
namespace {

using ::testing::HasSubstr;

// An episode of a vote in one round; ' ' is an agent that says nothing.
v1::Episode Vote(const std::string& id, const std::string& ballots, int size = 3, int round = 1) {
  v1::Episode episode = SmallVote(id, ballots);
  for (int t = static_cast<int>(ballots.size()) - 1; t >= 0; --t) {
    episode.mutable_messages(t)->set_round(round);
    if (ballots[t] == ' ') episode.mutable_messages()->DeleteSubrange(t, 1);
  }
  episode.mutable_group()->set_id("g");
  episode.mutable_group()->set_size(size);
  return episode;
}

v1::AttributionOptions Full() {
  v1::AttributionOptions options;
  options.set_audit(v1::AUDIT_FULL);
  return options;
}

v1::GroupResult GroupOf(Driver* driver) {
  const auto groups = driver->Take(v1::StreamSignalsResponse::kGroup);
  EXPECT_EQ(groups.size(), 1u);
  return groups.empty() ? v1::GroupResult() : groups[0].group();
}

TEST(GroupTeams, OfAVoteAreCounted) {
  Driver driver;
  driver.Options();
  // A is right. The teams: AAB, BAB, BB and nobody.
  driver.Episode(Vote("x", "AAB"));
  driver.Episode(Vote("y", "BAB"));
  driver.Episode(Vote("z", "BB "));
  const v1::GroupSignals group = GroupOf(&driver).signals();
  EXPECT_EQ(group.outcome_part(), v1::OUTCOME_PART_RECOMBINED);
  EXPECT_FALSE(group.recombined().has_error());
  EXPECT_EQ(group.recombined().questions(), 0);
  EXPECT_EQ(group.recombined().siblings(), 2);
  // Agent 0 says A in x: with AB of x 1, with AB of y 1, with B and nobody of z 1/2.
  ASSERT_EQ(group.episodes(0).recombined_size(), 3);
  EXPECT_NEAR(group.episodes(0).recombined(0).value(), 2.5 / 3, 1e-12);
  // It says B in y: with x 0, with y 0, with z 0.
  EXPECT_NEAR(group.episodes(1).recombined(0).value(), 0, 1e-12);
  ASSERT_EQ(group.episodes(2).recombined_size(), 2) << "the silent one has no message to value";
  // X is Q standardised: agent 0 has (2.5/3, 0, 0).
  EXPECT_NEAR(group.episodes(0).messages(0).outcome_advantage(), std::sqrt(2.0), 1e-5);
  EXPECT_NEAR(group.episodes(1).messages(0).outcome_advantage(), -std::sqrt(0.5), 1e-5);
}

TEST(GroupTeams, GivePairsOfPeers) {
  Driver driver;
  driver.Options();
  for (const char* id : {"x", "y", "z"}) driver.Episode(Vote(id, *id == 'x' ? "AAB" : "BAB"));
  int peers = 0;
  const v1::GroupSignals group = GroupOf(&driver).signals();
  for (const v1::PreferencePair& pair : group.pairs()) {
    if (pair.kind() != v1::PREFERENCE_KIND_PEER) continue;
    ++peers;
    EXPECT_EQ(pair.context_length(), 0);
    EXPECT_EQ(pair.chosen().episode_id(), "x");
    EXPECT_EQ(pair.chosen().begin(), 0);
    EXPECT_EQ(pair.rejected().begin(), 0);
    EXPECT_EQ(pair.weight(), 1);
  }
  EXPECT_EQ(peers, 2);
}

TEST(GroupTeams, AreNotAskedAboutWhereSomebodyHadRead) {
  for (const bool named : {false, true}) {
    Driver driver;
    v1::AttributionOptions options;
    if (named) options.mutable_advantages()->set_outcome(v1::OUTCOME_PART_RECOMBINED);
    driver.Options(options);
    driver.Episode(Vote("x", "AAB", 2));
    driver.Episode(Vote("y", "BAB", 2, /*round=*/0));
    const v1::GroupResult group = GroupOf(&driver);
    EXPECT_EQ(group.has_error(), named);
    EXPECT_FALSE(group.signals().has_recombined());
    if (named) {
      EXPECT_EQ(group.error().code(), static_cast<int>(absl::StatusCode::kFailedPrecondition));
      EXPECT_EQ(group.error().violations(0).field(), "options.advantages.outcome");
      EXPECT_THAT(
          group.error().message(),
          HasSubstr(
              "episode \"y\": messages[1] (agent \"agent1\", no round) may have read messages[0]"));
    } else {
      EXPECT_NE(group.signals().outcome_part(), v1::OUTCOME_PART_RECOMBINED);
    }
  }
}

TEST(GroupTeams, TakeTheCallersWordForTheSchedule) {
  Driver driver;
  driver.Options();
  for (const char* id : {"x", "y"}) {
    v1::Episode episode = Vote(id, *id == 'x' ? "AAB" : "BAB", 2, /*round=*/0);
    episode.mutable_group()->set_parallel(true);
    driver.Episode(episode);
  }
  EXPECT_EQ(GroupOf(&driver).signals().outcome_part(), v1::OUTCOME_PART_RECOMBINED);
  v1::Episode other = Vote("z", "AAB", 2);
  other.mutable_group()->set_id("h");
  driver.Episode(other);
  other.set_id("w");
  other.mutable_group()->set_parallel(true);
  driver.Episode(other);
  EXPECT_EQ(driver.results().back().result().error().violations(0).field(), "group.parallel");
}

TEST(GroupTeams, AreDoneWithoutWhereNobodyAnswers) {
  for (const bool named : {false, true}) {
    Driver driver;
    v1::AttributionOptions options = Full();
    if (named) options.mutable_advantages()->set_outcome(v1::OUTCOME_PART_RECOMBINED);
    driver.Options(options);
    driver.hold_groups = true;
    std::vector<v1::Episode> episodes;
    for (const char* id : {"x", "y", "z"}) episodes.push_back(Vote(id, *id == 'x' ? "AAB" : "BAB"));
    for (const v1::Episode& episode : episodes) driver.Episode(episode);
    ASSERT_EQ(driver.started_groups.size(), 1u);
    EXPECT_GT(driver.admission().bytes(), 0) << "the episodes are kept for their group";
    const StartGroup& start = driver.started_groups[0];
    auto response = std::make_shared<v1::StreamSignalsResponse>();
    MakeResult(start.work, AskedTeams(absl::DeadlineExceededError("too late")),
               response->mutable_group());
    driver.session->OnGroupDone({start.ticket, std::move(response)}, driver.now);
    driver.Run();
    const v1::GroupSignals group = GroupOf(&driver).signals();
    EXPECT_EQ(group.outcome_part(), v1::OUTCOME_PART_CONTROL);
    EXPECT_EQ(group.recombined().error().code(),
              static_cast<int>(absl::StatusCode::kDeadlineExceeded));
    EXPECT_EQ(group.recombined().error().message(), "too late");
    driver.started_groups.clear();
    EXPECT_EQ(driver.admission().bytes(), 0);
    const auto find = [&](const std::string& id) {
      RecordedMember member;
      for (const v1::Episode& episode : episodes) {
        if (episode.id() == id) member.episode = &episode;
      }
      for (const auto& response : driver.written) {
        if (response.result().episode_id() == id) member.signals = &response.result().signals();
      }
      return member;
    };
    EXPECT_TRUE(Verify(group, find).ok()) << Verify(group, find);
  }
}

TEST(GroupTeams, AreForgottenBeforeAnythingIsRefused) {
  SessionConfig config;
  config.max_bytes_in_flight = 12'000;
  Driver driver(config);
  driver.Options();
  for (const char* id : {"x", "y", "z"}) {
    v1::Episode episode = Vote(id, *id == 'x' ? "AAB" : "BAB");
    episode.mutable_messages(0)->set_content(std::string(3'000, 'a'));
    driver.Episode(episode);
  }
  const v1::GroupSignals group = GroupOf(&driver).signals();
  EXPECT_EQ(group.used(), 3);
  EXPECT_EQ(group.recombined().error().code(),
            static_cast<int>(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(driver.admission().bytes(), 0);
}

TEST(GroupTeams, EndWithTheirStream) {
  Driver driver;
  driver.Options();
  driver.hold_groups = true;
  for (const char* id : {"x", "y", "z"}) driver.Episode(Vote(id, *id == 'x' ? "AAB" : "BAB"));
  driver.HalfClose();
  EXPECT_FALSE(driver.finished.has_value()) << "a group is still to be answered";
  driver.session->OnCancel();
  driver.Run();
  ASSERT_EQ(driver.cancelled.size(), 1u);
  EXPECT_EQ(driver.cancelled[0], driver.started_groups[0].ticket);
  EXPECT_GT(driver.admission().bytes(), 0) << "the engine has not let go of it";
  driver.session->OnGroupDone({driver.started_groups[0].ticket, nullptr}, driver.now);
  EXPECT_EQ(driver.admission().bytes(), 0);
}

TEST(GroupTeams, AskAFewGroupsAtOnce) {
  SessionConfig config;
  config.max_groups_asking = 2;
  Driver driver(config);
  driver.Options();
  driver.hold_groups = true;
  for (int g = 0; g < 4; ++g) {
    for (const char* id : {"x", "y"}) {
      v1::Episode episode = Vote(absl::StrCat(id, g), *id == 'x' ? "AAB" : "BAB", 2);
      episode.mutable_group()->set_id(absl::StrCat("g", g));
      driver.Episode(episode);
    }
  }
  EXPECT_EQ(driver.started_groups.size(), 2u);
  driver.FinishGroups();
  EXPECT_EQ(driver.Take(v1::StreamSignalsResponse::kGroup).size(), 4u);
}

// A record of a group proves its numbers, and a change of any of them is found.
TEST(GroupTeams, AreProvedByTheirRecord) {
  Driver driver;
  driver.Options(Full());
  std::vector<v1::Episode> episodes = {Vote("x", "AAB"), Vote("y", "BAB"), Vote("z", "BA ")};
  for (const v1::Episode& episode : episodes) driver.Episode(episode);
  const v1::GroupSignals group = GroupOf(&driver).signals();
  const auto find = [&](const std::string& id) {
    RecordedMember member;
    for (const v1::Episode& episode : episodes) {
      if (episode.id() == id) member.episode = &episode;
    }
    for (const auto& response : driver.written) {
      if (response.result().episode_id() == id) member.signals = &response.result().signals();
    }
    return member;
  };
  ASSERT_EQ(group.audit().questions_size(), 1);
  EXPECT_EQ(group.audit().questions(0).table_size(), 9);
  EXPECT_EQ(group.audit().member_sha256_size(), 3);
  EXPECT_TRUE(Verify(group, find).ok()) << Verify(group, find);
  const auto found = [&](auto change) {
    v1::GroupSignals changed = group;
    change(&changed);
    return !Verify(changed, find).ok();
  };
  EXPECT_TRUE(found([](v1::GroupSignals* g) {
    v1::RecombinedValue* value = g->mutable_episodes(1)->mutable_recombined(0);
    value->set_value(value->value() + 1e-9);
  }));
  EXPECT_TRUE(found(
      [](v1::GroupSignals* g) { g->mutable_audit()->mutable_questions(0)->set_table(4, 0.123); }));
  EXPECT_TRUE(
      found([](v1::GroupSignals* g) { g->mutable_audit()->mutable_questions(0)->set_samples(2); }));
  EXPECT_TRUE(found([](v1::GroupSignals* g) { g->mutable_pairs(0)->set_weight(0.5); }));
  EXPECT_TRUE(
      found([](v1::GroupSignals* g) { g->mutable_recombined()->mutable_error()->set_code(4); }));
  EXPECT_TRUE(found([](v1::GroupSignals* g) { g->clear_pairs(); }));
  EXPECT_TRUE(found([](v1::GroupSignals* g) { g->mutable_audit()->clear_questions(); }));
}

}  // namespace
}  // namespace assay::service
