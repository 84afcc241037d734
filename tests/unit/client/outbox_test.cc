#include "client/cpp/outbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace assay::client {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const absl::Time kNow = absl::FromUnixSeconds(1000);

std::shared_ptr<const v1::Episode> MakeEpisode(const std::string& id, const std::string& group = "",
                                               size_t content_bytes = 0) {
  auto episode = std::make_shared<v1::Episode>();
  episode->set_id(id);
  if (!group.empty()) episode->mutable_group()->set_id(group);
  if (content_bytes > 0) episode->add_messages()->set_content(std::string(content_bytes, 'x'));
  return episode;
}

v1::EpisodeResult Answered(const std::string& id) {
  v1::EpisodeResult result;
  result.set_episode_id(id);
  result.mutable_signals()->set_episode_id(id);
  return result;
}

v1::EpisodeResult ComeLater(const std::string& id, int seconds) {
  v1::EpisodeResult result;
  result.set_episode_id(id);
  result.mutable_error()->set_code(8);
  result.mutable_error()->mutable_retry_after()->set_seconds(seconds);
  return result;
}

v1::GroupResult GroupAnswered(const std::string& id) {
  v1::GroupResult result;
  result.set_group_id(id);
  result.mutable_signals()->set_group_id(id);
  return result;
}

std::vector<std::string> TakeAll(Outbox* outbox, absl::Time now = kNow) {
  std::vector<std::string> ids;
  while (const auto episode = outbox->Take(now)) ids.push_back(episode->id());
  return ids;
}

class OutboxTest : public ::testing::Test {
 protected:
  void Add(const std::string& id, const std::string& group = "") {
    ASSERT_TRUE(outbox_.Add(MakeEpisode(id, group)).ok());
  }

  Outbox outbox_{2};
};

TEST_F(OutboxTest, NothingIsSentBeforeTheServerGivesCredits) {
  Add("a");
  EXPECT_THAT(TakeAll(&outbox_), IsEmpty());
  outbox_.SetCredits({1, 1000});
  EXPECT_THAT(TakeAll(&outbox_), ElementsAre("a"));
}

TEST_F(OutboxTest, EpisodesInFlightStayWithinTheCredits) {
  for (const char* id : {"a", "b", "c"}) Add(id);
  outbox_.SetCredits({2, 1000});
  EXPECT_THAT(TakeAll(&outbox_), ElementsAre("a", "b"));
  EXPECT_TRUE(outbox_.OnResult(Answered("b"), kNow));
  EXPECT_THAT(TakeAll(&outbox_), ElementsAre("c"));
  EXPECT_FALSE(outbox_.all_answered());
}

TEST_F(OutboxTest, BytesInFlightStayWithinTheCreditsButAGiantGoesAlone) {
  ASSERT_TRUE(outbox_.Add(MakeEpisode("small", "", 400)).ok());
  ASSERT_TRUE(outbox_.Add(MakeEpisode("giant", "", 4000)).ok());
  ASSERT_TRUE(outbox_.Add(MakeEpisode("last", "", 400)).ok());
  outbox_.SetCredits({10, 1000});
  EXPECT_THAT(TakeAll(&outbox_), ElementsAre("small"));
  outbox_.OnResult(Answered("small"), kNow);
  EXPECT_THAT(TakeAll(&outbox_), ElementsAre("giant"));
  outbox_.OnResult(Answered("giant"), kNow);
  EXPECT_THAT(TakeAll(&outbox_), ElementsAre("last"));
}

TEST_F(OutboxTest, AnIdIsFreeAgainOnceItIsAnswered) {
  Add("a");
  EXPECT_TRUE(absl::IsAlreadyExists(outbox_.Add(MakeEpisode("a"))));
  outbox_.SetCredits({1, 1000});
  TakeAll(&outbox_);
  EXPECT_TRUE(absl::IsAlreadyExists(outbox_.Add(MakeEpisode("a"))));
  outbox_.OnResult(Answered("a"), kNow);
  EXPECT_TRUE(outbox_.Add(MakeEpisode("a")).ok());
}

TEST_F(OutboxTest, RepeatedAndUnknownResultsAreNoNews) {
  Add("a");
  outbox_.SetCredits({1, 1000});
  TakeAll(&outbox_);
  EXPECT_FALSE(outbox_.OnResult(Answered("never sent"), kNow));
  EXPECT_TRUE(outbox_.OnResult(Answered("a"), kNow));
  EXPECT_FALSE(outbox_.OnResult(Answered("a"), kNow));
  EXPECT_TRUE(outbox_.empty());
}

TEST_F(OutboxTest, ANewStreamGetsWhatIsUnansweredInTheOriginalOrder) {
  for (const char* id : {"a", "b", "c", "d"}) Add(id);
  outbox_.SetCredits({3, 1000});
  TakeAll(&outbox_);
  outbox_.OnResult(Answered("b"), kNow);
  outbox_.StartStream();
  EXPECT_THAT(TakeAll(&outbox_), IsEmpty());
  outbox_.SetCredits({10, 1000});
  EXPECT_THAT(TakeAll(&outbox_), ElementsAre("a", "c", "d"));
}

TEST_F(OutboxTest, ANewStreamGetsAllOfAnUnansweredGroupAndItsResultsAreNotRepeated) {
  Add("a", "g");
  Add("alone");
  Add("b", "g");
  outbox_.SetCredits({10, 1000});
  TakeAll(&outbox_);
  EXPECT_TRUE(outbox_.OnResult(Answered("a"), kNow));
  EXPECT_TRUE(outbox_.OnResult(Answered("alone"), kNow));
  outbox_.StartStream();
  outbox_.SetCredits({10, 1000});
  EXPECT_THAT(TakeAll(&outbox_), ElementsAre("a", "b"));
  EXPECT_FALSE(outbox_.OnResult(Answered("a"), kNow));
  EXPECT_TRUE(outbox_.OnResult(Answered("b"), kNow));
  EXPECT_TRUE(outbox_.all_answered());
  EXPECT_FALSE(outbox_.empty());
  EXPECT_TRUE(outbox_.OnGroup(GroupAnswered("g")));
  EXPECT_FALSE(outbox_.OnGroup(GroupAnswered("g")));
  EXPECT_TRUE(outbox_.empty());
}

TEST_F(OutboxTest, AnAnsweredGroupIsNotSentAgain) {
  Add("a", "g");
  outbox_.SetCredits({10, 1000});
  TakeAll(&outbox_);
  outbox_.OnResult(Answered("a"), kNow);
  outbox_.OnGroup(GroupAnswered("g"));
  outbox_.StartStream();
  outbox_.SetCredits({10, 1000});
  EXPECT_THAT(TakeAll(&outbox_), IsEmpty());
}

TEST_F(OutboxTest, AGroupAnsweredByItsTimeoutLeavesItsLateMembersUnanswered) {
  Add("a", "g");
  Add("late", "g");
  outbox_.SetCredits({10, 1000});
  TakeAll(&outbox_);
  outbox_.OnResult(Answered("a"), kNow);
  EXPECT_TRUE(outbox_.OnGroup(GroupAnswered("g")));
  EXPECT_FALSE(outbox_.all_answered());
  EXPECT_TRUE(outbox_.OnResult(Answered("late"), kNow));
  EXPECT_TRUE(outbox_.empty());
}

TEST_F(OutboxTest, AnEpisodeAskedToComeLaterWaitsAndThenGivesUp) {
  Add("a");
  outbox_.SetCredits({10, 1000});
  TakeAll(&outbox_);
  absl::Time now = kNow;
  for (int i = 0; i < 2; ++i) {
    EXPECT_FALSE(outbox_.OnResult(ComeLater("a", 5), now));
    EXPECT_EQ(outbox_.NextDue(), now + absl::Seconds(5));
    EXPECT_THAT(TakeAll(&outbox_, now + absl::Seconds(4)), IsEmpty());
    now += absl::Seconds(5);
    EXPECT_THAT(TakeAll(&outbox_, now), ElementsAre("a"));
  }
  EXPECT_TRUE(outbox_.OnResult(ComeLater("a", 5), now));
  EXPECT_TRUE(outbox_.empty());
}

TEST_F(OutboxTest, AGroupsEpisodeComesLaterBecauseTheServerHasNotCountedIt) {
  Add("a", "g");
  outbox_.SetCredits({10, 1000});
  TakeAll(&outbox_);
  EXPECT_FALSE(outbox_.OnResult(ComeLater("a", 5), kNow));
  EXPECT_THAT(TakeAll(&outbox_, kNow + absl::Seconds(5)), ElementsAre("a"));
  EXPECT_TRUE(outbox_.OnResult(Answered("a"), kNow));
  EXPECT_TRUE(outbox_.OnGroup(GroupAnswered("g")));
  EXPECT_TRUE(outbox_.empty());
}

TEST_F(OutboxTest, AGroupIsGivenUpWithItsMember) {
  Add("a", "g");
  outbox_.SetCredits({10, 1000});
  absl::Time now = kNow;
  for (int i = 0; i < 3; ++i, now += absl::Seconds(5)) {
    EXPECT_THAT(TakeAll(&outbox_, now), ElementsAre("a"));
    EXPECT_EQ(outbox_.OnResult(ComeLater("a", 5), now), i == 2);
  }
  const std::vector<v1::GroupResult> given_up = outbox_.TakeGivenUp();
  ASSERT_EQ(given_up.size(), 1);
  EXPECT_EQ(given_up[0].group_id(), "g");
  EXPECT_FALSE(given_up[0].error().has_retry_after());
  EXPECT_TRUE(outbox_.empty());
  EXPECT_FALSE(outbox_.OnGroup(GroupAnswered("g")));
}

TEST_F(OutboxTest, AnIdThatComesAgainAfterItsGroupIsFullIsAnotherGroup) {
  for (const char* id : {"a", "b", "c", "d"}) {
    v1::Episode episode;
    episode.set_id(id);
    episode.mutable_group()->set_id("g");
    episode.mutable_group()->set_size(2);
    ASSERT_TRUE(outbox_.Add(std::make_shared<const v1::Episode>(episode)).ok());
  }
  outbox_.SetCredits({10, 1000});
  EXPECT_THAT(TakeAll(&outbox_), ElementsAre("a", "b"));
  outbox_.StartStream();
  outbox_.SetCredits({10, 1000});
  EXPECT_THAT(TakeAll(&outbox_), ElementsAre("a", "b"));
  EXPECT_FALSE(outbox_.all_answered());
  outbox_.OnResult(Answered("a"), kNow);
  outbox_.OnResult(Answered("b"), kNow);
  EXPECT_TRUE(outbox_.OnGroup(GroupAnswered("g")));
  EXPECT_THAT(TakeAll(&outbox_), ElementsAre("c", "d"));
  outbox_.OnResult(Answered("c"), kNow);
  outbox_.OnResult(Answered("d"), kNow);
  EXPECT_TRUE(outbox_.OnGroup(GroupAnswered("g")));
  EXPECT_TRUE(outbox_.empty());
  EXPECT_EQ(outbox_.waiting_bytes(), 0);
}

// A member that failed is missing from its group, which the server may ask about all the same.
TEST_F(OutboxTest, AGroupIsOwedOnceAllItsEpisodesAreAnsweredUnlessOneWasTurnedAwayAtTheDoor) {
  const auto failed = [](const std::string& message) {
    v1::EpisodeResult result;
    result.set_episode_id("b");
    result.mutable_error()->set_code(3);
    result.mutable_error()->set_message(message);
    return result;
  };
  const auto owed_after = [](const v1::EpisodeResult& result) {
    Outbox outbox(1);
    outbox.SetCredits({100, 1 << 20});
    for (const char* id : {"a", "b"}) {
      auto episode = std::make_shared<v1::Episode>(*MakeEpisode(id, "g"));
      episode->mutable_group()->set_size(2);
      EXPECT_TRUE(outbox.Add(std::move(episode)).ok());
    }
    TakeAll(&outbox);
    outbox.OnResult(Answered("a"), kNow);
    EXPECT_FALSE(outbox.owes_group());
    outbox.OnResult(result, kNow);
    return outbox.owes_group();
  };
  EXPECT_TRUE(owed_after(Answered("b")));
  EXPECT_TRUE(owed_after(failed("messages[0].content: is not UTF-8")));
  EXPECT_TRUE(owed_after(failed("the evaluator is gone")));
  EXPECT_FALSE(owed_after(failed("group.size: differs from the other episodes of the group")));
  EXPECT_FALSE(owed_after(failed("group: the unanswered groups hold too many messages")));
  EXPECT_FALSE(owed_after(failed("id: still unanswered")));
}

TEST_F(OutboxTest, TheBytesThatWaitAreCounted) {
  const auto episode = MakeEpisode("a", "", 500);
  ASSERT_TRUE(outbox_.Add(episode).ok());
  EXPECT_EQ(outbox_.waiting_bytes(), static_cast<int64_t>(episode->ByteSizeLong()));
  outbox_.SetCredits({1, 1000});
  TakeAll(&outbox_);
  EXPECT_EQ(outbox_.waiting_bytes(), 0);
  outbox_.OnResult(ComeLater("a", 1), kNow);
  EXPECT_GT(outbox_.waiting_bytes(), 0);
  outbox_.StartStream();
  EXPECT_EQ(outbox_.waiting_bytes(), static_cast<int64_t>(episode->ByteSizeLong()));
}

}  // namespace
}  // namespace assay::client
