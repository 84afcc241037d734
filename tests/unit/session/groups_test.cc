#include "server/session/groups.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/session/group_result.h"
#include "tests/unit/session/episodes.h"
#include "tests/unit/session/groups_fixture.h"

namespace assay::service {
namespace {

using ::testing::ElementsAre;

TEST(Groups, CompleteWhenTheAnnouncedNumberIsAnswered) {
  TestGroups groups = MakeGroups();
  ASSERT_TRUE(groups.Join(Member("x", 2), kOpened).ok());
  Answer(&groups, "x", 1);
  ASSERT_TRUE(groups.Join(Member("y", 2), kOpened).ok());
  EXPECT_TRUE(groups.TakeReady().empty());
  Answer(&groups, "y", 0);
  const auto ready = groups.TakeReady();
  ASSERT_EQ(ready.size(), 1u);
  // E5: the outcome part is +1 and -1, eps aside.
  const v1::GroupSignals& signals = ready[0].signals();
  EXPECT_EQ(signals.used(), 2);
  EXPECT_NEAR(signals.episodes(0).outcome_advantage(), 1, 1e-5);
  EXPECT_NEAR(signals.episodes(1).outcome_advantage(), -1, 1e-5);
  EXPECT_EQ(groups.bytes(), 0) << "an answered group keeps nothing";
}

TEST(Groups, MissingMembersAreNamedAndMayComeBack) {
  TestGroups groups = MakeGroups();
  for (const char* id : {"x", "y", "z"}) ASSERT_TRUE(groups.Join(Member(id, 3), kOpened).ok());
  groups.Answered("g", "y", nullptr, kOpened);
  ASSERT_TRUE(groups.Join(Member("y", 3), kOpened).ok()) << "a failed member may be sent again";
  groups.Answered("g", "y", nullptr, kOpened);
  Answer(&groups, "x", 1);
  Answer(&groups, "z", 0);
  const auto ready = groups.TakeReady();
  ASSERT_EQ(ready.size(), 1u);
  EXPECT_THAT(ready[0].signals().missing_episode_ids(), ElementsAre("y"));
}

TEST(Groups, NeverSentAreCountedAtTheEnd) {
  TestGroups groups = MakeGroups();
  ASSERT_TRUE(groups.Join(Member("x", 5), kOpened).ok());
  ASSERT_TRUE(groups.Join(Member("y", 5), kOpened).ok());
  Answer(&groups, "x", 1);
  groups.Close();
  EXPECT_TRUE(groups.TakeReady().empty()) << "y is unanswered";
  Answer(&groups, "y", 1);
  const auto ready = groups.TakeReady();
  ASSERT_EQ(ready.size(), 1u);
  EXPECT_EQ(ready[0].signals().never_sent(), 3);
}

TEST(Groups, TimeoutNeedsTwoAnswers) {
  TestGroups groups = MakeGroups(absl::Seconds(10));
  ASSERT_TRUE(groups.Join(Member("x", 4), kOpened).ok());
  ASSERT_TRUE(groups.Join(Member("y", 4), kOpened).ok());
  ASSERT_TRUE(groups.Join(Member("z", 4), kOpened).ok());
  Answer(&groups, "x", 1);
  EXPECT_EQ(groups.next_time(), absl::InfiniteFuture());
  groups.OnTime(kOpened + absl::Seconds(11));
  EXPECT_TRUE(groups.TakeReady().empty());
  Answer(&groups, "y", 0, "g", kOpened + absl::Seconds(12));
  auto ready = groups.TakeReady();
  ASSERT_EQ(ready.size(), 1u);
  EXPECT_EQ(ready[0].signals().used(), 2);
  EXPECT_THAT(ready[0].signals().missing_episode_ids(), ElementsAre("z"));
  EXPECT_EQ(ready[0].signals().never_sent(), 1);
  // Late members change nothing, and the group does not come twice.
  Answer(&groups, "z", 0);
  ASSERT_TRUE(groups.Join(Member("w", 4), kOpened).ok());
  Answer(&groups, "w", 0);
  groups.Close();
  EXPECT_TRUE(groups.TakeReady().empty());
  EXPECT_EQ(groups.bytes(), 0);
}

// A group of no announced number that has gone out is forgotten: its name may be used again.
TEST(Groups, AnOpenGroupThatTimedOutBeginsAnew) {
  TestGroups groups = MakeGroups(absl::Seconds(10));
  const absl::Time late = kOpened + absl::Seconds(10);
  for (const char* id : {"x", "y"}) {
    ASSERT_TRUE(groups.Join(Member(id, 0), kOpened).ok());
    Answer(&groups, id, 1);
  }
  EXPECT_EQ(groups.next_time(), late);
  groups.OnTime(late - absl::Nanoseconds(1));
  EXPECT_TRUE(groups.TakeReady().empty());
  groups.OnTime(late);
  ASSERT_EQ(groups.TakeReady().size(), 1u);
  EXPECT_EQ(groups.next_time(), absl::InfiniteFuture());
  for (const char* id : {"x", "y", "z"}) {
    ASSERT_TRUE(groups.Join(Member(id, 0), late).ok());
    Answer(&groups, id, 1, "g", late);
  }
  groups.Close();
  const auto again = groups.TakeReady();
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].signals().used(), 3);
  EXPECT_EQ(again[0].signals().never_sent(), 0);
  EXPECT_EQ(groups.bytes(), 0);
}

TEST(Groups, ContradictionsAndSurplusAreRefused) {
  TestGroups groups = MakeGroups();
  ASSERT_TRUE(groups.Join(Member("x", 2), kOpened).ok());
  EXPECT_EQ(groups.Join(Member("y", 3), kOpened).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(groups.Join(Member("x", 2), kOpened).code(), absl::StatusCode::kAlreadyExists);
  ASSERT_TRUE(groups.Join(Member("y", 2), kOpened).ok());
  EXPECT_EQ(groups.Join(Member("z", 2), kOpened).code(), absl::StatusCode::kInvalidArgument);
}

TEST(Groups, AGroupWithoutAnyAnswerIsAnError) {
  TestGroups groups = MakeGroups();
  ASSERT_TRUE(groups.Join(Member("x", 1), kOpened).ok());
  groups.Answered("g", "x", nullptr, kOpened);
  const auto ready = groups.TakeReady();
  ASSERT_EQ(ready.size(), 1u);
  EXPECT_EQ(ready[0].error().code(), static_cast<int>(absl::StatusCode::kFailedPrecondition));
}

TEST(Groups, MemoryAndNumberAreBounded) {
  TestGroups groups = MakeGroups(absl::ZeroDuration(), 100'000);
  int joined = 0;
  while (groups.Join(Member(absl::StrCat("e", joined), 0), kOpened).ok()) ++joined;
  EXPECT_LE(groups.bytes(), 100'000);
  EXPECT_GT(joined, 40);

  TestGroups many = MakeGroups();
  for (int i = 0; i < Limits().max_open_groups; ++i) {
    ASSERT_TRUE(many.Join(Member("e", 2, absl::StrCat("g", i)), kOpened).ok());
  }
  EXPECT_EQ(many.Join(Member("e", 2, "one more"), kOpened).code(),
            absl::StatusCode::kResourceExhausted);
}

// What is left unsaid is twice 512 bytes a member and 64 an agent; ids count twice as often.
TEST(Groups, AMembersMemoryIsThatOfItsParts) {
  const auto agents = static_cast<int64_t>(sizeof(signals::MemberAgent)) + 64;
  v1::Episode episode;
  episode.set_id("abc");
  const int64_t bare = AnsweredMember::BytesFor(episode);
  EXPECT_EQ(bare, 2 * (512 + 2 * 3));
  v1::Agent* agent = episode.add_agents();
  agent->set_id("agent");
  EXPECT_EQ(AnsweredMember::BytesFor(episode), bare + 2 * (agents + 5 + 5));
  agent->set_policy("policies");
  EXPECT_EQ(AnsweredMember::BytesFor(episode), bare + 2 * (agents + 5 + 8));
  const int64_t silent = AnsweredMember::BytesFor(episode);
  episode.add_messages();
  const int64_t each = AnsweredMember::BytesFor(episode) - silent;
  EXPECT_GE(each, static_cast<int64_t>(sizeof(signals::MemberMessage)));
  episode.add_messages();
  EXPECT_EQ(AnsweredMember::BytesFor(episode), silent + 2 * each);
}

TEST(Groups, AsMuchAsFits) {
  const int64_t each = AnsweredMember::BytesFor(Member("x", 3));
  for (const int64_t more : {-1, 0}) {
    TestGroups groups = MakeGroups(absl::ZeroDuration(), 2 * each + more);
    EXPECT_TRUE(groups.Join(Member("x", 3), kOpened).ok());
    EXPECT_EQ(groups.bytes(), each);
    EXPECT_EQ(groups.Join(Member("y", 3), kOpened).ok(), more == 0);
    EXPECT_EQ(groups.bytes(), more == 0 ? 2 * each : each);
  }
}

// A group that has gone out and waits for nobody makes room, and no other.
TEST(Groups, WhatIsOutMakesRoom) {
  Limits limits;
  limits.max_open_groups = 2;
  TestGroups groups({}, limits, absl::Seconds(10));
  const absl::Time late = kOpened + absl::Seconds(10);
  const auto join = [&](const std::string& group, const char* id, int size) {
    return groups.Join(Member(id, size, group), late).code();
  };
  for (const char* group : {"waits", "is done"}) {
    for (const char* id : {"x", "y"}) {
      ASSERT_TRUE(groups.Join(Member(id, 4, group), kOpened).ok());
      Answer(&groups, id, 1, group);
    }
  }
  ASSERT_TRUE(groups.Join(Member("z", 4, "waits"), kOpened).ok());
  EXPECT_EQ(join("new", "x", 2), absl::StatusCode::kResourceExhausted);
  groups.OnTime(late);
  EXPECT_EQ(groups.TakeReady().size(), 2u);
  EXPECT_EQ(join("new", "x", 2), absl::StatusCode::kOk);
  EXPECT_EQ(join("newer", "x", 2), absl::StatusCode::kResourceExhausted) << "z is unanswered";
  Answer(&groups, "z", 1, "waits", late);
  EXPECT_EQ(join("newer", "x", 2), absl::StatusCode::kOk);
  EXPECT_TRUE(groups.TakeReady().empty());
}

TEST(Groups, SiblingsPartWhereTheirTextsDo) {
  TestGroups groups = MakeGroups();
  for (const char* id : {"good", "bad"}) {
    v1::Episode episode = Member(id, 2);
    episode.mutable_messages(2)->set_content(id);
    ASSERT_TRUE(groups.Join(episode, kOpened).ok());
  }
  Answer(&groups, "good", 1);
  Answer(&groups, "bad", 0);
  const auto ready = groups.TakeReady();
  ASSERT_EQ(ready.size(), 1u);
  int siblings = 0;
  for (const v1::PreferencePair& pair : ready[0].signals().pairs()) {
    if (pair.kind() != v1::PREFERENCE_KIND_SIBLING) continue;
    ++siblings;
    EXPECT_EQ(pair.context_length(), 2);
    EXPECT_EQ(pair.chosen().episode_id(), "good");
    EXPECT_EQ(pair.chosen().begin(), 2);
    EXPECT_EQ(pair.rejected().episode_id(), "bad");
  }
  EXPECT_EQ(siblings, 1);
}

}  // namespace
}  // namespace assay::service
